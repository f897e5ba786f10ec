import pytest

from ner_adv_plugin.data.samplers import ProportionalSampler


@pytest.mark.parametrize(
    ("alpha", "rows"),
    [
        (1.0, {"weibo": 100, "msra": 10_000}),
        # 10 to 100, of 10,100 rows.
        (0.5, {"weibo": 918, "msra": 9_182}),
        (0.0, {"weibo": 5_050, "msra": 5_050}),
        # 10,000 to 100,000,000.
        (2.0, {"weibo": 1, "msra": 10_099}),
    ],
)
def test_rows(alpha: float, rows: dict[str, int]) -> None:
    assert ProportionalSampler(alpha).rows_per_epoch({"weibo": 100, "msra": 10_000}) == rows


def test_rows_of_an_anchor() -> None:
    sampler = ProportionalSampler(0.5, anchor="weibo")
    assert sampler.rows_per_epoch({"weibo": 100, "msra": 10_000}) == {"weibo": 100, "msra": 1_000}
