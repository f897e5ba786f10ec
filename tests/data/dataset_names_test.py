import pytest

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.dataset_names import check_dataset, check_one_each


def test_names_that_fit_pass() -> None:
    check_dataset("a", ["a", "b"], "there")
    check_one_each({"b": 1, "a": 2}, ["a", "b"], "there")


@pytest.mark.parametrize(
    ("given", "path", "message"),
    [
        (
            ["msra", "wiebo"],
            "there.wiebo",
            'no dataset "wiebo". Did you mean "weibo"? Datasets: weibo, msra.',
        ),
        (["msra"], "there.weibo", "missing key: every dataset has one here, weibo, msra"),
        ([], "there.weibo", "missing key: every dataset has one here, weibo, msra"),
    ],
)
def test_names_that_do_not_fit(given: list[str], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        check_one_each(given, ["weibo", "msra"], "there")
    assert (error.value.path, error.value.message) == (path, message)
