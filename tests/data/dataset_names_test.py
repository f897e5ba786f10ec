import pytest

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.dataset_names import check_dataset, check_one_each


def test_known_names_pass() -> None:
    check_dataset("a", ["a", "b"], "there")
    check_one_each({"b": 1, "a": 2}, ["a", "b"], "there")


@pytest.mark.parametrize(
    ("names", "path", "message"),
    [
        (
            ["msra", "wiebo"],
            "there.wiebo",
            'no dataset "wiebo". Did you mean "weibo"? Datasets: weibo, msra.',
        ),
        (["msra"], "there.weibo", "missing key: expected one per dataset (weibo, msra)"),
        ([], "there.weibo", "missing key: expected one per dataset (weibo, msra)"),
    ],
)
def test_unknown_and_missing_names(names: list[str], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        check_one_each(names, ["weibo", "msra"], "there")
    assert (error.value.path, error.value.message) == (path, message)
