import pytest

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.samplers import MultiTaskEpochSampler, WeightedSampler
from tests.planned import check

SIZES = {"weibo": 100, "msra": 10_000}


def test_sentences() -> None:
    assert WeightedSampler({"weibo": 1, "msra": 3}).sentences_per_epoch(SIZES) == {
        "weibo": 2_525,
        "msra": 7_575,
    }
    anchored = WeightedSampler({"msra": 0.75, "weibo": 0.5}, anchor="weibo")
    assert anchored.sentences_per_epoch(SIZES) == {"weibo": 100, "msra": 150}


@pytest.mark.parametrize(
    ("weights", "path", "message"),
    [
        ({"weibo": 1}, "weights.msra", "missing key: expected one per dataset (weibo, msra)"),
        (
            {"weibo": 1, "mrsa": 1},
            "weights.mrsa",
            'no dataset "mrsa". Did you mean "msra"? Datasets: weibo, msra.',
        ),
    ],
)
def test_weights_and_datasets_must_agree(
    weights: dict[str, float], path: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        check(
            MultiTaskEpochSampler,
            {"type": "weighted", "weights": weights},
            "data_loader.sampler",
            SIZES,
        )
    assert (error.value.path, error.value.message) == (f"data_loader.sampler.{path}", message)


@pytest.mark.parametrize("weight", [0, -1.5])
def test_weights_are_positive(weight: float) -> None:
    with pytest.raises(ConfigurationError) as error:
        construct(
            MultiTaskEpochSampler,
            {"type": "weighted", "weights": {"a": 1, "b": weight}},
            "data_loader.sampler",
        )
    assert error.value.path == "data_loader.sampler.weights.b"
    assert error.value.message == f"expected a positive weight, found {float(weight)}"
