import sys
import unicodedata

from ner_adv_plugin.data.reading.normalisers import NfkcNormaliser


def test_characters_of_one_character_forms_equal_unicodedata() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    shown = NfkcNormaliser().normalise(everything)
    forms = [unicodedata.normalize("NFKC", character) for character in everything]
    assert all(one == form for one, form in zip(shown, forms, strict=True) if len(form) == 1)
    assert sum(one != other for one, other in zip(shown, everything, strict=True)) > 3000


def test_characters_of_longer_forms_stay() -> None:
    assert NfkcNormaliser().normalise("Ａｂ１①，　㈠ｱ") == "Ab11, ㈠ア"
    assert NfkcNormaliser().normalise("…㎏½⑩℃ﬁ") == "…㎏½⑩℃ﬁ"
    # One by one: what NFKC would join stays apart.
    assert NfkcNormaliser().normalise("ｶﾞe\u0301") == "カ\u3099e\u0301"
