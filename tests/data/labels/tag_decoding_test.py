"""Tag sequences decoded together, compared with the tag scheme's own loops."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_adv_plugin.data.labels.tag_decoding import TagDecoder
from ner_adv_plugin.data.labels.tag_schemes import get_scheme

SCHEMES = [
    *((name, False) for name in ("BIO", "BIOES", "BMES", "IOB1", "BILOU")),
    *((name, True) for name in ("BIO", "BIOES", "BMES", "BILOU")),
]


@pytest.mark.parametrize(("name", "segmentation"), SCHEMES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_finds_what_the_scheme_finds(name: str, segmentation: bool, data: st.DataObject):
    scheme = get_scheme(name, segmentation)
    tags = st.sampled_from(scheme.labels(["PER", "LOC"]))
    batches = data.draw(
        st.lists(st.lists(st.lists(tags, max_size=8), max_size=6), min_size=1, max_size=3)
    )
    # Later batches may bring tags that earlier ones lacked.
    decoder = TagDecoder(scheme)
    for sequences in batches:
        decoded = decoder.decode(["".join(map(decoder.code, own)) for own in sequences])
        assert decoded.spans == [scheme.spans(own) for own in sequences]
        assert decoded.legal_R == [not scheme.illegal(own) for own in sequences]


def test_codes_are_single_characters_and_name_their_tags():
    decoder = TagDecoder(get_scheme("BIO"))
    tags = ["O", *(f"B-{number}" for number in range(decoder.most_tags))]
    codes = [decoder.code(tag) for tag in tags]
    assert [decoder.tags[code] for code in codes] == tags
    assert decoder.decode(codes).spans[-1][0].type == tags[-1].removeprefix("B-")
    assert "B-0" in decoder and "I-0" not in decoder
