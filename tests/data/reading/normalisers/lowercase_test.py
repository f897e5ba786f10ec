import sys

from ner_adv_plugin.data.reading.normalisers import LowercaseNormaliser


def test_letters_in_lower_case() -> None:
    assert LowercaseNormaliser().normalise("IBM公司ＡÄΣЖ123") == "ibm公司ａäσж123"


def test_only_letters_with_longer_forms_are_unchanged() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    shown = LowercaseNormaliser().normalise(everything)
    assert [one for one, form in zip(everything, shown, strict=True) if one.lower() != form] == [
        "İ"
    ]
