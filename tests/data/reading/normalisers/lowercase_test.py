import sys

from ner_adv_plugin.data.reading.normalisers import LowercaseNormaliser


def test_letters_in_lower_case() -> None:
    assert LowercaseNormaliser().normalise("IBM公司ＡÄΣЖ123") == "ibm公司ａäσж123"


def test_only_a_letter_of_a_longer_form_stays() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    shown = LowercaseNormaliser().normalise(everything)
    assert [c for c, own in zip(everything, shown, strict=True) if c.lower() != own] == ["İ"]
