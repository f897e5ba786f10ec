"""Files as annotation tools write them, worked out by hand."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.formats import AnnotationsReader, recognised
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading import DatasetReader
from tests.data.formats.records import (
    COLUMNS,
    PAIRS,
    SPANS,
    TAGS,
    TEXT,
    lines,
    read,
    region,
    task,
    write,
)

REGIONS = {"result": [region(2, 4, "PER", text="王明"), region(6, 8, "LOC", text="北京")]}
OFFSETS = [{"start_offset": a, "end_offset": b, "label": name} for a, b, name in PAIRS]
FILES = {
    "doccano label": ("doccano", lines({"id": 1, "text": TEXT, "label": PAIRS})),
    "doccano labels": ("doccano", lines({"id": 1, "text": TEXT, "labels": PAIRS, "cats": []})),
    "doccano triples in entities": ("doccano", lines({"text": TEXT, "entities": PAIRS})),
    "doccano relations": (
        "doccano",
        lines({"text": TEXT, "entities": OFFSETS, "relations": [{"from_id": 0, "to_id": 1}]}),
    ),
    "doccano array": ("doccano", json.dumps([{"text": TEXT, "label": PAIRS}], indent=1)),
    "label studio": ("label_studio", json.dumps([task(REGIONS)], ensure_ascii=False)),
    "label studio, indented": ("label_studio", json.dumps([task(REGIONS)], indent=2)),
    "label studio, other key": (
        "label_studio",
        json.dumps([{"data": {"sentence": TEXT, "n": 3}, "annotations": [REGIONS]}]),
    ),
    "label studio, old": (
        "label_studio",
        json.dumps([{"data": {"text": TEXT}, "completions": [REGIONS]}]),
    ),
    "label studio, min": (
        "label_studio",
        json.dumps([{"text": TEXT, "id": 1, "label": [r["value"] for r in REGIONS["result"]]}]),
    ),
    "label studio CONLL": (
        "conll",
        "-DOCSTART- -X- O\n" + COLUMNS.replace("\t", " -X- _ ") + "\n",
    ),
    "prodigy": (
        "prodigy",
        lines(
            {
                "text": TEXT,
                "_input_hash": 1,
                "tokens": [{"text": "昨", "start": 0, "end": 1, "id": 0}],
                "spans": [{"start": a, "end": b, "label": n, "token_end": 1} for a, b, n in PAIRS],
                "answer": "accept",
            }
        ),
    ),
    "cluener": (
        "cluener",
        lines({"text": TEXT, "label": {"PER": {"王明": [[2, 3]]}, "LOC": {"北京": [[6, 7]]}}}),
    ),
    "entities": (
        "entities",
        lines(
            {
                "sentence": TEXT,
                "tags": TAGS,
                "entities": [
                    {"start": 2, "end": 4, "type": "PER", "text": "王明", "score": 0.5},
                    {"start": 6, "end": 8, "type": "LOC"},
                ],
            }
        ),
    ),
    "language model": (
        "language_model",
        lines(
            {
                "text": TEXT,
                "entities": [{"text": "北京", "type": "LOC"}, {"text": "王明", "type": "PER"}],
            }
        ),
    ),
    "hugging face": ("huggingface", lines({"id": "0", "tokens": list(TEXT), "ner_tags": TAGS})),
    "hugging face words": (
        "huggingface",
        lines(
            {
                "tokens": ["昨天", "王明", "去了", "北京", "。"],
                "ner_tags": ["O", "B-PER", "O", "B-LOC", "O"],
            }
        ),
    ),
    "columns": ("conll", COLUMNS),
    "columns, BOM": ("conll", "\ufeff" + COLUMNS),
    "columns, CRLF": ("conll", COLUMNS.replace("\n", "\r\n")),
    "columns of words": ("conll", "昨天 t O\n王明 nr S-PER\n去了 v O\n北京 ns S-LOC\n。 w O\n"),
    "columns, BMES": (
        "conll",
        COLUMNS.replace("I-", "E-").replace("\t", " ") + "\n甲 B-PER\n乙 M-PER\n丙 E-PER\n",
    ),
    "columns, BILOU": ("conll", COLUMNS.replace("I-", "L-") + "\n甲\tU-PER\n"),
    "columns, IOB1": ("conll", COLUMNS.replace("B-", "I-") + "\n甲\tI-PER\n乙\tB-PER\n"),
    "weibo": ("weibo", "".join(f"{c}0\t{t}\n" for c, t in zip(TEXT, TAGS, strict=True))),
}


@pytest.mark.parametrize("name", FILES)
def test_a_format_is_recognised_and_read(name: str, tmp_path: Path) -> None:
    expected, content = FILES[name]
    path = tmp_path / "corpus"
    path.write_text(content, encoding="utf-8", newline="")
    found, reason = recognised(str(path))
    assert found == expected and reason
    table = AnnotationsReader().read(path)
    assert (table[0].text, table[0].spans) == (TEXT, SPANS)


def test_scheme_and_units_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for name, scheme in (("columns, BMES", "BMES"), ("columns, BILOU", "BILOU")):
        caplog.clear()
        read(tmp_path, FILES[name][1])
        assert f"tags look like {scheme}" in caplog.text
        assert "one of the characters per line" in caplog.text
    read(tmp_path, FILES["columns of words"][1])
    assert "one of the words per line" in caplog.text


def test_adjacent_entities_of_iob1(tmp_path: Path) -> None:
    table = read(tmp_path, FILES["columns, IOB1"][1])
    assert table[1].spans == [Span(0, 1, "PER"), Span(1, 2, "PER")]


def test_brat(tmp_path: Path) -> None:
    folder = tmp_path / "brat"
    (folder / "b").mkdir(parents=True)
    (folder / "1.txt").write_bytes(f"{TEXT}\r\n{TEXT}\n".encode())
    (folder / "1.ann").write_text(
        "T1\tPER 2 4\t王明\nT2\tLOC 17 19\t北京\nR1\tAt Arg1:T1 Arg2:T2\n#1\tAnnotatorNotes T1\tx\n"
    )
    (folder / "b" / "2.txt").write_text("无\n")
    (folder / "b" / "2.ann").write_text("")
    assert recognised(str(folder)) == ("brat", "the folder has 2 .ann files")
    reader = AnnotationsReader()
    table = reader.read(folder)
    assert [(s.text, s.spans) for s in table] == [
        (TEXT, [Span(2, 4, "PER")]),
        (TEXT, [Span(6, 8, "LOC")]),
        ("无", []),
    ]
    counts = reader.counts_of(str(folder)).metrics()
    assert counts == {"lines_that_are_no_entities_left_out": 2}


def test_label_studio_reads_one_annotation_of_a_task(tmp_path: Path) -> None:
    cancelled = {"was_cancelled": True, "result": [region(0, 9, "X")]}
    truth = {"ground_truth": True, "result": [region(2, 4, "PER")]}
    last = {"result": [region(6, 8, "LOC"), {"type": "choices", "value": {"choices": ["a"]}}]}
    tasks = [
        task(cancelled, REGIONS),
        task(truth, REGIONS),
        task(REGIONS, last),
        task(cancelled, predictions=[{"result": [region(2, 4, "P")]}]),
        task({"result": [region(2, 4, "A", "B")]}),
        task({"result": []}),
    ]
    content = json.dumps(tasks, ensure_ascii=False)
    expected = [SPANS, SPANS[:1], SPANS[1:], [Span(2, 4, "A"), Span(2, 4, "B")], []]
    assert [s.spans for s in read(tmp_path, content)] == expected

    with_predictions = {"type": "label_studio", "predictions": "use"}
    found = [s.spans for s in read(tmp_path, content, format=with_predictions)]
    assert found == [*expected[:3], [Span(2, 4, "P")], *expected[3:]]

    reader = AnnotationsReader()
    reader.read(tmp_path / "corpus")
    assert reader.counts_of(str(tmp_path / "corpus")).metrics() == {
        "cancelled_annotations_left_out": 2,
        "tasks_with_several_annotations": 2,
        "results_that_are_no_labels_left_out": 1,
        "unlabelled_sentences_left_out": 1,
    }
    with pytest.raises(DataError, match="corpus:1: found 'no labels'"):
        read(tmp_path, content, unlabelled="error")


def test_positions_of_javascript_are_recognised_by_the_surfaces(tmp_path: Path) -> None:
    regions = {"result": [region(4, 6, "PER", text="王明")]}
    content = json.dumps([task(regions, text=f"😀{TEXT}")])
    ((found,),) = [s.spans for s in read(tmp_path, content)]
    assert f"😀{TEXT}"[found.start : found.end] == "王明"


def test_prodigy_leaves_out_what_was_not_accepted(tmp_path: Path) -> None:
    spans = [{"start": 2, "end": 4, "label": "PER"}]
    records = [
        {"text": TEXT, "spans": spans, "answer": answer}
        for answer in ("reject", "accept", "ignore")
    ]
    (sentence,) = read(tmp_path, lines(*records, {"text": "无", "spans": []}))[:1]
    assert sentence.metadata == {"line": 2}


def test_indices_of_tags_need_names(tmp_path: Path) -> None:
    names = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    content = lines({"tokens": list(TEXT), "ner_tags": [names.index(tag) for tag in TAGS]})
    with pytest.raises(DataError, match="corpus:1: found 0, .*Set label_names"):
        read(tmp_path, content)
    settings = {"type": "huggingface", "label_names": names}
    assert read(tmp_path, content, format=settings)[0].spans == SPANS
    with pytest.raises(DataError, match="an index from 0 to 1"):
        read(tmp_path, content, format={**settings, "label_names": names[:2]})

    features = {"ner_tags": {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "List"}}
    (tmp_path / "dataset_info.json").write_text(json.dumps({"features": features}))
    assert read(tmp_path, content)[0].spans == SPANS


def test_a_folder_of_datasets(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    names = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    features = datasets.Features(
        tokens=datasets.Sequence(datasets.Value("string")),
        ner_tags=datasets.Sequence(datasets.ClassLabel(names=names)),
    )
    columns = {"tokens": [list(TEXT)], "ner_tags": [[names.index(tag) for tag in TAGS]]}
    dataset = datasets.Dataset.from_dict(columns, features=features)
    dataset.save_to_disk(tmp_path / "saved")
    assert AnnotationsReader().read(tmp_path / "saved")[0].spans == SPANS

    dataset.to_parquet(tmp_path / "a.parquet")
    assert AnnotationsReader().read(tmp_path / "a.parquet")[0].spans == SPANS


def test_documents_of_spacy_with_its_own_tokens(tmp_path: Path) -> None:
    spacy = pytest.importorskip("spacy")
    doc = spacy.blank("en")("Ann went to New York.")
    doc.ents = [doc.char_span(0, 3, "PER"), doc.char_span(12, 20, "LOC")]
    spacy.tokens.DocBin(docs=[doc]).to_disk(tmp_path / "a.spacy")
    (sentence,) = AnnotationsReader().read(tmp_path / "a.spacy")
    assert (sentence.text, sentence.spans) == (
        "Ann went to New York.",
        [Span(0, 3, "PER"), Span(12, 20, "LOC")],
    )
    (tmp_path / "b.spacy").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"b\.spacy: .* a DocBin of spaCy"):
        AnnotationsReader().read(tmp_path / "b.spacy")


def answer(text: str, *mentions: tuple[str, str]) -> dict[str, Any]:
    return {"text": text, "entities": [{"text": s, "type": name} for s, name in mentions]}


def test_answers_of_language_models(tmp_path: Path) -> None:
    content = lines(
        answer("王明和王明明，还有王明", ("王明", "PER"), ("王明明", "PER"), ("李雷", "PER")),
        answer("无"),
    )
    path = str(tmp_path / "corpus")
    reader = DatasetReader.from_params({"type": "annotations"})
    (tmp_path / "corpus").write_text(content)
    table = reader.read(path)
    assert table[0].spans == [Span(0, 2, "PER"), Span(3, 6, "PER"), Span(9, 11, "PER")]
    assert table[1].spans == []
    assert reader.counts_of(path).messages() == [
        '1 entities not found in their texts (the first: "李雷"), the first on line 1'
    ]

    in_order = {"type": "language_model", "occurrences": "in_order"}
    table = read(tmp_path, content, format=in_order)
    assert table[0].spans == [Span(0, 2, "PER"), Span(3, 6, "PER")]
    dropping = {"type": "language_model", "not_found": "sentence"}
    assert [s.text for s in read(tmp_path, content, format=dropping)] == ["无"]


def test_answers_as_partial_labels(tmp_path: Path) -> None:
    content = lines(answer(TEXT, ("王明", "PER"), ("北京", "LOC")))
    table = read(
        tmp_path, content, annotated_types=["PER"], type_map={"LOC": None}, format="language_model"
    )
    assert table[0].spans == SPANS[:1]


@pytest.mark.parametrize("name", ["doccano label", "columns", "cluener", "label studio"])
def test_gb18030_is_recognised_and_asked_for(name: str, tmp_path: Path) -> None:
    content = FILES[name][1].encode("gb18030")
    with pytest.raises(DataError, match="it looks like GB18030, set encoding: 'gb18030'"):
        read(tmp_path, content)
    for encoding in ("gb18030", "auto"):
        assert read(tmp_path, content, encoding=encoding)[0].spans == SPANS


def test_a_text_of_several_lines_is_split_outside_of_entities(tmp_path: Path) -> None:
    record = {"text": "张三\n\n在北\n京。\r\n再见", "label": [[0, 2, "PER"], [5, 8, "LOC"]]}
    table = read(tmp_path, lines(record))
    assert [(s.text, s.spans) for s in table] == [
        ("张三", [Span(0, 2, "PER")]),
        ("在北\n京。", [Span(1, 4, "LOC")]),
        ("再见", []),
    ]
    assert len(read(tmp_path, lines(record), split_lines=False)) == 1


def test_halves_of_emoji_survive_in_json(tmp_path: Path) -> None:
    sentences = [Instance("a\ud83d", [Span(0, 1, "PER")])]
    write("doccano", sentences, tmp_path)
    (found,) = AnnotationsReader().read(tmp_path / "out")
    assert (found.text, found.spans) == (sentences[0].text, sentences[0].spans)
