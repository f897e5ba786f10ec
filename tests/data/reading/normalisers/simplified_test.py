import sys

import pytest

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.reading.normalisers import SimplifiedNormaliser


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opencc", None)
    with pytest.raises(
        UserError, match='"simplified" needs a package that is not installed: pip install opencc'
    ):
        SimplifiedNormaliser()


def test_characters_are_independent() -> None:
    pytest.importorskip("opencc")
    simplified = SimplifiedNormaliser()
    assert (
        simplified.normalise("臺灣大學的後裏，Ａ😀\ud83d\x00") == "台湾大学的后里，Ａ😀\ud83d\x00"
    )
    assert simplified.normalise("乾坤乾淨") == "干坤干净"
    assert simplified.normalise("简体字") == "简体字"


def test_all_of_unicode() -> None:
    opencc = pytest.importorskip("opencc")
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    shown = SimplifiedNormaliser().normalise(everything)
    assert len(shown) == len(everything)
    changed = [form for one, form in zip(everything, shown, strict=True) if one != form]
    converter = opencc.OpenCC("t2s")
    assert len(changed) > 2000 and all(converter.convert(form) == form for form in changed[::20])
