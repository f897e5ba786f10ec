"""Sentences whose tags are decoded together, compared with one sentence at a time."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.labels.tag_decoding import TagDecoder
from ner_adv_plugin.data.reading import ConllReader, conll_tags

lines = st.builds(
    "{}{}".format,
    st.sampled_from("ab\u4e00\u3000# "),
    st.sampled_from(["\tO"] * 4 + ["\tB-X", "\tI-X", "\tI-Y", "\tB-Y", "\t0", "\tx\tO", "", "O"]),
)
files = st.lists(st.lists(lines, max_size=5), max_size=8).map(
    lambda blocks: "\n".join("".join(f"{line}\n" for line in block) for block in blocks)
)
keys = st.fixed_dictionaries(
    {
        "illegal_tags": st.sampled_from(["repair", "error"]),
        "on_bad_record": st.sampled_from(["error", "skip"]),
        "tag_spelling": st.sampled_from(["strict", "lenient"]),
        "max_instances": st.sampled_from([None, 1, 3]),
        "type_map": st.sampled_from([{}, {"X": None}]),
        "comments": st.sampled_from([[], ["#"]]),
    }
)


def read(path: Path, settings: dict[str, Any]) -> tuple[Any, ...]:
    """Return everything that reading a file tells: sentences or the error, counts, types."""
    reader = ConllReader(**settings, max_bad_records=1.0)
    try:
        found: Any = list(reader.read(path))
    except DataError as error:
        found = str(error)
    counts = reader.counts[str(path)].messages()
    types = reader.types_met if len(found) != settings["max_instances"] else None
    return found, counts, reader.repaired, reader.illegal_sentences, types


@given(text=files, settings=keys, together=st.sampled_from([1, 2, 4096]))
@settings(max_examples=150, deadline=None)
def test_reads_what_is_read_one_by_one(text: str, settings: dict[str, Any], together: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "in.bio"
        path.write_text(text, encoding="utf-8")
        patch.setattr(conll_tags, "_TOGETHER", together)
        found = read(path, settings)
        patch.setattr(conll_tags.PlainSentences, "add", lambda *_: False)
        assert found == read(path, settings)


def test_more_tags_than_are_decoded_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TagDecoder, "most_tags", 2)
    path = tmp_path / "in.bio"
    types = ["X", "Y", "Z", "X", "Y", "Z"]
    path.write_text("".join(f"a\tB-{name}\nb\tI-{name}\n\n" for name in types), encoding="utf-8")
    spans = [sentence.spans for sentence in ConllReader().read(path)]
    assert [(own[0].start, own[0].end, own[0].type) for own in spans if own] == [
        (0, 2, name) for name in types
    ]
