"""`allennlp convert`."""

import json
from pathlib import Path

import pytest

from ner_adv_plugin.data.formats import AnnotationsReader
from tests.commands.conftest import Run

TEXT = "昨天王明去了北京。"
RECORDS = [
    {"id": 1, "text": TEXT, "label": [[2, 4, "PER"], [6, 8, "LOC"]]},
    {"id": 2, "text": "北京大学\n好", "label": [[0, 4, "ORG"], [0, 2, "LOC"]]},
    {"id": 3, "text": "还没有看"},
]


@pytest.fixture(autouse=True)
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "doccano.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    return path


def test_doccano_to_columns(run: Run, tmp_path: Path) -> None:
    flags = ["--unlabelled", "drop", "--split-lines", "--overlaps", "outermost"]
    result = run("convert", "doccano.jsonl", "out.bio", "--to", "bioes", *flags)
    assert result.status == 0, result.err
    assert result.out == "out.bio: 3 sentences, 3 entities (LOC 1, ORG 1, PER 1)\n"
    assert 'format: doccano, as "label" holds [start, end, type]' in result.err
    assert "1 unlabelled sentences left out" in result.err
    assert "1 overlapping entities dropped" in result.err

    blocks = (tmp_path / "out.bio").read_text().split("\n\n")
    assert blocks[1].split("\n") == ["北\tB-ORG", "京\tI-ORG", "大\tI-ORG", "学\tE-ORG"]
    assert blocks[2:] == ["好\tO", ""]


@pytest.mark.parametrize("target", ["label_studio", "brat", "entities", "spacy", "cluener"])
def test_there_and_back(target: str, run: Run, tmp_path: Path) -> None:
    if target == "spacy":
        pytest.importorskip("spacy")
    flags = ["--unlabelled", "drop"] if target == "cluener" else []
    name = "there.spacy" if target == "spacy" else "there"
    assert run("convert", "doccano.jsonl", name, "--to", target, *flags).status == 0
    assert run("convert", name, "back.jsonl", "--to", "doccano").status == 0
    back = [json.loads(line) for line in (tmp_path / "back.jsonl").read_text().splitlines()]
    expected = RECORDS[:2] if target == "cluener" else RECORDS
    assert [one["text"] for one in back] == [one["text"] for one in expected]
    assert [sorted(one["label"]) if "label" in one else None for one in back] == [
        sorted(one["label"]) if "label" in one else None for one in expected
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "bio"], 'sentence 2 (line 2), "北京大学\\n好": LOC 北京 [0, 2) and ORG 北京大学'),
        (["--to", "bio", "--overlaps", "outermost"], "it holds a line break. Split texts"),
        (["--to", "bio", "--overlaps", "first", "--split-lines"], "--unlabelled drop"),
        (["--to", "doccanno"], '--to: no format "doccanno". Did you mean "doccano"?'),
        (["--to", "doccano", "--from", "labelstudio"], 'Did you mean "label_studio"?'),
        (["--to", "doccano", "--from", "cluener"], "doccano.jsonl:1: "),
        (["--to", "doccano", "--from", "{type: 'doccano', offset: 'utf-16'}"], "offset"),
        (["--to", "doccano", "--encoding", "utf9"], 'no encoding "utf9"'),
        (["--to", "doccano", "--type-map", "{"], "--type-map"),
    ],
)
def test_nothing_is_written_after_an_error(
    arguments: list[str], message: str, run: Run, tmp_path: Path
) -> None:
    result = run("convert", "doccano.jsonl", "out", *arguments)
    assert result.status == 2
    assert message in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["doccano.jsonl"]


def test_what_exists_is_replaced_only_if_asked(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    result = run("convert", "doccano.jsonl", "out", "--to", "prodigy")
    assert result.status == 2 and "out exists: --force replaces it" in result.err
    assert (tmp_path / "out").read_text() == "mine"
    assert run("convert", "doccano.jsonl", "out", "--to", "prodigy", "--force").status == 0
    assert len(AnnotationsReader().read(tmp_path / "out")) == 3

    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.doc").touch()
    result = run("convert", "doccano.jsonl", "folder", "--to", "brat", "--force")
    assert result.status == 2 and "it is not replaced" in result.err
    assert (tmp_path / "folder" / "thesis.doc").exists()


def test_types_are_renamed(run: Run, tmp_path: Path) -> None:
    type_map = '{"LOC": "GPE", "ORG": null}'
    arguments = ["--to", "doccano", "--type-map", type_map, "--unlabelled", "drop"]
    assert run("convert", "doccano.jsonl", "out", *arguments).status == 0
    records = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [one["label"] for one in records] == [
        [[2, 4, "PER"], [6, 8, "GPE"]],
        [[0, 2, "GPE"]],
    ]


def test_gb18030_is_asked_for(run: Run, tmp_path: Path) -> None:
    records = [{"text": TEXT, "label": [[2, 4, "PER"]]}]
    text = json.dumps(records, ensure_ascii=False)
    (tmp_path / "gbk.json").write_bytes(text.encode("gb18030"))
    result = run("convert", "gbk.json", "out", "--to", "doccano")
    assert result.status == 2 and "looks like GB18030" in result.err
    arguments = ["--to", "doccano", "--encoding", "gb18030"]
    assert run("convert", "gbk.json", "out", *arguments).status == 0


def test_bad_records_are_skipped_if_asked(run: Run, corpus: Path) -> None:
    corpus.write_text('{"text": "王明", "label": [[0, 2, "PER"]]}\n{"text": "王明\n' * 2)
    flags = ["convert", "doccano.jsonl", "out.bio", "--to", "bio"]
    assert "doccano.jsonl:2: " in run(*flags).err
    result = run(*flags, "--on-bad-record", "skip")
    assert result.out == "out.bio: 2 sentences, 2 entities (PER 2)\n"
    assert "2 bad records skipped (the first: " in result.err
