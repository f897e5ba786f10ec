import logging
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.alphabet import CharacterAlphabet
from ner_adv_plugin.data.batching.batch import collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.corpora.leakage import without_leaks
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.namespaces import CHARACTERS
from ner_adv_plugin.data.reading import UnlabelledReader, mapped_lines
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.data.reading.mapped_lines import map_lines
from ner_adv_plugin.data.reading.texts import MappedTexts
from ner_adv_plugin.data.vocabulary import Vocabulary

FRAGMENTS = [
    b"\xff",
    b"\xe7\x94",
    "甲".encode(),
    "😀".encode(),
    b"a",
    b"\r",
    b"\n",
    b"\n\n",
    b"\r\n",
    b"\xef\xbb\xbf",
]


HINT = "(set encoding, or encoding_errors for a few damaged lines)"


def brute_force(data: bytes, lines_per_sentence: int, errors: str) -> list[tuple[str, int]]:
    """Return the sentences of a file and their first lines, found line by line."""
    lines = re.split("\r?\n", data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors))
    sentences: list[tuple[str, int]] = []
    run = 0
    for number, line in enumerate(lines, start=1):
        run = run + 1 if line else 0
        if line and run % lines_per_sentence == (1 if lines_per_sentence > 1 else 0):
            sentences.append((line, number))
        elif line:
            sentences[-1] = (sentences[-1][0] + line, sentences[-1][1])
    return sentences


@pytest.mark.parametrize("errors", ["replace", "ignore", "backslashreplace", "surrogateescape"])
@given(
    data=st.lists(st.sampled_from(FRAGMENTS)).map(b"".join),
    lines_per_sentence=st.integers(1, 4),
    chunk=st.integers(1, 12),
)
@example(data=b"a\n\xff\nb", lines_per_sentence=2, chunk=1)
@example(data=b"a\r\xff\nb", lines_per_sentence=2, chunk=1)
def test_any_file_in_chunks_of_any_size(
    tmp_path_factory: pytest.TempPathFactory,
    errors: str,
    data: bytes,
    lines_per_sentence: int,
    chunk: int,
) -> None:
    path = tmp_path_factory.getbasetemp() / "corpus"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapped_lines, "CHUNK_BYTES", chunk)
        patch.setattr(mapped_lines, "report_undecodable", lambda *_: None)
        table = map_lines(str(path), lines_per_sentence, errors)
    found = [(sentence.text, sentence.metadata["line"]) for sentence in table]
    assert found == brute_force(data, lines_per_sentence, errors)
    assert table.lengths.tolist() == [len(text) for text, _ in found]
    assert (
        table.streamed and table.spans is None and all(sentence.spans is None for sentence in table)
    )
    assert list(table[::-1].texts()) == [text for text, _ in found][::-1]


def test_undecodable_bytes_are_found_before_a_sentence_is_accessed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped_lines, "CHUNK_BYTES", 10)
    path = tmp_path / "corpus"
    path.write_bytes("甲\n\n乙\n".encode() * 20 + b"\xff\xff\n" + "丙\n".encode() * 20 + b"\xe7\n")
    with pytest.raises(DataError) as error:
        UnlabelledReader().read(path)
    assert str(error.value) == f"{path}:61: found b'\\xff', expected UTF-8 text {HINT}"
    with caplog.at_level(logging.WARNING):
        UnlabelledReader(encoding_errors="ignore").read(path)
    assert caplog.messages == [
        f"{path}: 2 damaged lines (not in UTF-8) decoded with "
        'encoding_errors "ignore", the first on line 61'
    ]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """500 lines of 1 to 50 characters."""
    path = tmp_path / "corpus"
    path.write_text(
        "".join("甲乙丙丁戊"[i % 5] * (i % 50 + 1) + "\n" for i in range(500)), encoding="utf-8"
    )
    return path


@pytest.fixture
def accessed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sentences that are read from the file, in order of access."""
    sentences: list[int] = []
    sentence = MappedTexts.sentence
    monkeypatch.setattr(
        MappedTexts,
        "sentence",
        lambda self, number: sentences.append(number) or sentence(self, number),
    )
    return sentences


def test_sentences_are_read_on_access(
    corpus: Path, accessed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory holds a chunk of the file, then the sentences of a batch; planning needs no texts."""
    sizes: list[int] = []
    decode = mapped_lines.decode
    monkeypatch.setattr(
        mapped_lines, "decode", lambda data, *rest: sizes.append(len(data)) or decode(data, *rest)
    )
    monkeypatch.setattr(mapped_lines, "CHUNK_BYTES", 1000)
    reader = UnlabelledReader()
    reader.bind("u")
    table = reader.read(corpus)
    assert sum(sizes) == corpus.stat().st_size and max(sizes) <= 1000 + 151
    assert len(table) == 500 and accessed == []
    vocab = Vocabulary.from_instances({"train": {"u": [Instance("甲乙")]}}, {"u": reader})
    indices = vocab.get_token_to_index_vocabulary(CHARACTERS)
    sentences = EncodedDataset("u", table, vocab, CharacterAlphabet(indices, 1), reader.shown)
    loader = DataLoader(batch_size=20)
    loader.set_sentences({"u": sentences}, seed=0)
    plan = loader.plan(0)
    assert sentences.token_ids is None and accessed == []
    assert sorted(sentence for batch in plan for _, sentence in batch) == list(range(500))
    (batch,) = loader.batches(plan[:1])
    assert (
        sorted(accessed)
        == sorted(batch.sentence_ids)
        == sorted(sentence for _, sentence in plan[0])
    )
    for i, sentence in enumerate(batch.sentence_ids):
        expected = [indices.get(character, 1) for character in table[sentence].text]
        assert batch.token_ids_BL[i, : batch.lengths[i]].tolist() == expected


def test_windows_of_streamed_sentences(corpus: Path) -> None:
    reader = UnlabelledReader()
    reader.bind("u")
    table = reader.read(corpus)[45:]
    vocab = Vocabulary.from_instances({"train": {"u": table}}, {"u": reader})
    alphabet = CharacterAlphabet(vocab.get_token_to_index_vocabulary(CHARACTERS), 1)
    streamed, held = (
        EncodedDataset("u", sentences, vocab, alphabet) for sentences in (table, list(table))
    )
    borders = {0: np.array([0, 20, 40, 46]), 4: np.array([0, 49, 50])}
    for one, two in ((streamed, held), (streamed.cut(borders), held.cut(borders))):
        assert one.lengths.tolist() == two.lengths.tolist()
        for sentence in range(len(two)):
            assert one.token_ids_of(sentence).tolist() == two.token_ids_of(sentence).tolist()
        assert (
            collate([(one, 0), (one, 3)]).token_ids_BL == collate([(two, 0), (two, 3)]).token_ids_BL
        ).all()


def test_leaked_sentences_are_dropped_part_by_part(
    corpus: Path, accessed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = UnlabelledReader().read(corpus)
    monkeypatch.setattr(InstanceTable.parts, "__defaults__", (100,))
    held = [Instance("乙" * 45), Instance("丙")]
    clean, leaked = without_leaks({"u": table}, [held], "drop")
    texts = [sentence.text for sentence in table]
    kept = [text for text in texts if "乙" * 45 not in text and text != "丙"]
    assert leaked == {"u": len(texts) - len(kept)} and len(kept) < len(texts)
    assert list(clean["u"].texts()) == kept and clean["u"].streamed


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    for content in ("", "\n\r\n\n"):
        path.write_text(content)
        with pytest.raises(DataError, match="no sentences"):
            UnlabelledReader().read(path)


def test_a_derived_reader(corpus: Path) -> None:
    class Longer(UnlabelledReader):
        """Drops short sentences."""

        def _read(self, file_path: str) -> list[Instance]:
            return [sentence for sentence in super()._read(file_path) if len(sentence) > 40]

    assert [len(sentence) for sentence in Longer(max_instances=12).read(corpus)] == [
        *range(41, 51),
        41,
        42,
    ]
