import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.reading.normalisers import MarkupNormaliser


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            '电话：<ADDREX0TYPE="PHONE">（０１０）</ADDREX>转',
            "电话：" + 21 * " " + "（０１０）" + 9 * " " + "转",
        ),
        ('看<a href="http://t.cn/x">这里</a>', "看" + 24 * " " + "这里    "),
        ("<b><i>甲</i></b>", 6 * " " + "甲" + 8 * " "),
        ("读<色戒>，1<2，a > b，x<", "读<色戒>，1<2，a > b，x<"),
        ("a<b 没有完", "a<b 没有完"),
        ("<a\n>甲", "    甲"),
    ],
)
def test_tags_are_blanked(text: str, shown: str) -> None:
    assert MarkupNormaliser().normalise(text) == shown


@given(st.text("<>/aB甲 \n", max_size=20))
def test_only_tags_are_blanked(text: str) -> None:
    expected, start = list(text), 0
    while start < len(text):
        name = start + 1 + (text[start + 1 : start + 2] == "/")
        end = text.find(">", start)
        inside = text[start + 1 : end] if end > 0 else ""
        if (
            text[start] == "<"
            and text[name : name + 1] in ("a", "B")
            and end > 0
            and "<" not in inside
        ):
            expected[start : end + 1] = " " * (end + 1 - start)
            start = end
        start += 1
    assert MarkupNormaliser().normalise(text) == "".join(expected)


def test_custom_pattern() -> None:
    assert (
        MarkupNormaliser(r"#[^#]+#|@\w+").normalise("#话题#去@某人 吧")
        == 4 * " " + "去" + 3 * " " + " 吧"
    )
    # Empty matches change nothing.
    assert MarkupNormaliser("x*").normalise("axxb") == "a  b"
    with pytest.raises(
        ConfigurationError, match=r"'\(' is not a regular expression: missing \)"
    ) as error:
        MarkupNormaliser("(")
    assert error.value.path == "pattern"
