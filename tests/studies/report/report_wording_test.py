"""Reports: sentences and numbers as readers see them."""

import re
from math import inf
from typing import Any

from ner_adv_plugin.studies.report.content import config_changes
from ner_adv_plugin.studies.report.messages import MESSAGES, in_language
from ner_adv_plugin.studies.report.numbers import change, count, interval, p_value, points
from ner_adv_plugin.studies.report.wording import censored, plain_verdict


def test_messages_have_both_languages_and_the_same_placeholders() -> None:
    for key, (english, chinese) in MESSAGES.items():
        assert english and chinese, key
        fields = [set(re.findall(r"{(\w+)}", one)) for one in (english, chinese)]
        assert fields[0] == fields[1], key


def verdicts(*families: dict[str, str]) -> dict[str, Any]:
    return {
        "baseline": "single",
        "families": [
            {"arms": {"single": {}, **{arm: {"verdict": one} for arm, one in family.items()}}}
            for family in families
        ],
    }


def test_verdict_in_one_sentence() -> None:
    one = verdicts({"a": "helped", "b": "hurt", "c": "helped", "d": "undecided", "e": "helped"})
    assert plain_verdict(one, "en") == (
        "Compared with single, a, c and e helped; b hurt; it is undecided whether d helped."
    )
    assert plain_verdict(one, "zh") == (
        "与 single 相比，a、c、e 有帮助；b 有损害；d 是否有帮助尚无定论。"
    )
    two = verdicts({"a": "helped"}, {"a": "undecided"}, {"a": "helped"})
    assert plain_verdict(two, "en") == (
        "Compared with single, a helped in 2 of 3 comparisons;"
        " a is undecided in 1 of 3 comparisons."
    )


def test_numbers() -> None:
    assert points(0.12345) == "12.35" and points(-0.001, signed=True) == "−0.10"
    assert points(-1e-9, signed=True) == "+0.00"
    assert points(None) == points(float("nan")) == "undefined"
    assert interval(["-inf", "inf"]) == "[−∞, ∞]"
    assert p_value(0.0005) == "<0.001" and p_value(0.05) == "0.050"
    assert count(1234.0) == "1,234" and count(1 / 3) == "0.3" and count(None) == ""
    assert change(-0.04) == "0" and change(-2.5) == "−2.5" and change(3.0) == "+3"


def test_label_worth_is_censored() -> None:
    worth = {"size": 50, "smallest": 100, "largest": 1350}
    assert in_language(censored("inf", worth), "en") == "more than 1,350"
    assert in_language(censored(inf, worth), "zh") == "多于 1,350"
    assert in_language(censored(0.0, worth), "en") == "fewer than 100"
    assert in_language(censored(499.6, worth), "en") == "500"


def test_config_changes() -> None:
    old = {"model": {"type": "a", "layers": [1]}, "seed": 1}
    new = {"model": {"type": "a", "layers": [1, 2]}, "seed": True}
    assert list(config_changes(old, new)) == [
        ("model.layers", "[1]", "[1, 2]"),
        ("seed", "1", "true"),
    ]
    assert list(config_changes(old, old)) == []
