import sys
import unicodedata

from ner_adv_plugin.data.reading.normalisers import NfkcNormaliser


def test_forms_of_one_character_equal_unicodedata() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    shown = NfkcNormaliser().normalise(everything)
    forms = [unicodedata.normalize("NFKC", character) for character in everything]
    assert all(one == form for one, form in zip(shown, forms, strict=True) if len(form) == 1)
    assert sum(one != other for one, other in zip(shown, everything, strict=True)) > 3000


def test_characters_with_longer_forms_are_unchanged() -> None:
    assert NfkcNormaliser().normalise("Ａｂ１①，　㈠ｱ") == "Ab11, ㈠ア"
    assert NfkcNormaliser().normalise("…㎏½⑩℃ﬁ") == "…㎏½⑩℃ﬁ"
    # Characters that NFKC would compose remain separate.
    assert NfkcNormaliser().normalise("ｶﾞe\u0301") == "カ\u3099e\u0301"
