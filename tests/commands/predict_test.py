"""`allennlp predict`."""

import json
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.inference import Predictor
from tests.commands.conftest import Run
from tests.tiny import DATA

SENTENCES = [f"第{i}天" + "魏勇在深圳" * (i % 5) for i in range(50)] + [
    "",
    "a\u2028b",
    "\ud83d半个",
]


@pytest.fixture
def lines(tmp_path: Path) -> str:
    """A file of sentences of different lengths."""
    text = "".join(json.dumps({"sentence": sentence}) + "\n" for sentence in SENTENCES)
    (tmp_path / "in.jsonl").write_text(text, encoding="utf-8")
    return "in.jsonl"


def answers(text: str) -> list[dict[str, Any]]:
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def expected(run: Path, head: str = "weibo") -> list[dict[str, Any]]:
    return Predictor.from_path(run, head=head).predict_batch_json(
        [{"sentence": text} for text in SENTENCES]
    )


def test_predictions_are_in_the_order_of_the_lines(run: Run, tiny_run: Path, lines: str) -> None:
    result = run("predict", tiny_run / "model.tar.gz", lines, "--batch-size", "4")
    assert result.status == 0
    assert [answer["sentence"] for answer in answers(result.out)] == SENTENCES
    assert answers(result.out) == expected(tiny_run)


def test_output_file(run: Run, tiny_run: Path, lines: str) -> None:
    result = run("predict", tiny_run, lines, "--output-file", "out/answers.jsonl")
    assert (result.status, result.out) == (0, "")
    text = Path("out/answers.jsonl").read_text(encoding="utf-8")
    assert answers(text) == expected(tiny_run)
    assert "深圳" in text and "\\ud83d" in text
    assert [path.name for path in Path("out").iterdir()] == ["answers.jsonl"]


def test_silent(run: Run, tiny_run: Path, lines: str) -> None:
    result = run("predict", tiny_run, lines, "--silent")
    assert (result.status, result.out) == (0, "")


def test_another_head(run: Run, tiny_run: Path, lines: str) -> None:
    result = run("predict", tiny_run, lines, "--multitask-head", "msr")
    assert answers(result.out) == expected(tiny_run, "msr")
    assert all("".join(answer["words"]) == answer["sentence"] for answer in answers(result.out))
    result = run("predict", tiny_run, lines, "--multitask-head", "ms")
    assert result.status == 2 and 'no head "ms"; its heads: weibo, msra, msr' in result.err


@pytest.mark.parametrize(
    ("head", "file", "reader"),
    [
        (None, "weibo/weiboNER_2nd_conll.dev", "weibo"),
        ("msra", "msra/test.bio", "msra"),
        ("msr", "msr/msr_test_gold.utf8", "msr"),
    ],
)
@pytest.mark.parametrize("choice", [[], ["--dataset-reader-choice", "train"]])
def test_a_corpus_is_read_by_the_reader_of_the_head(
    run: Run, tiny_run: Path, head: str | None, file: str, reader: str, choice: list[str]
) -> None:
    flags = ["--multitask-head", head] if head else []
    limit = f'{{"dataset_reader.readers.{reader}.max_instances": 25}}'
    result = run(
        "predict", tiny_run, DATA / file, "--use-dataset-reader", "-o", limit, *choice, *flags
    )
    assert result.status == 0, result.err
    texts = [
        sentence.text
        for sentence in DatasetReader.by_name(reader)(max_instances=25).read(DATA / file)
    ]
    assert [answer["sentence"] for answer in answers(result.out)] == texts


@pytest.mark.parametrize("bad", ["{", '{"content": "a"}', '{"sentence": 1}'])
def test_an_invalid_line_is_reported_and_keeps_the_output_file(
    run: Run, tiny_run: Path, lines: str, bad: str
) -> None:
    with open(lines, "a", encoding="utf-8") as file:
        file.write(bad + "\n")
    Path("answers.jsonl").write_text("those of yesterday\n")
    before = {path.name for path in Path().iterdir()}
    result = run("predict", tiny_run, lines, "--output-file", "answers.jsonl")
    assert result.status == 2
    place = f"error: in.jsonl:{len(SENTENCES) + 1}: found {bad!r}, expected an object such as"
    assert place in result.err and "Traceback" not in result.err
    assert Path("answers.jsonl").read_text() == "those of yesterday\n"
    assert {path.name for path in Path().iterdir()} == before


def test_a_predictor_and_its_settings(run: Run, tiny_run: Path, lines: str) -> None:
    settings = ["--predictor", "tagger", "--predictor-args", '{"batch_size": 2}']
    result = run("predict", tiny_run, lines, *settings)
    assert answers(result.out) == expected(tiny_run)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--predictor", "tager"], '"tager" is not a registered Predictor. Did you mean "tagger"?'),
        (["--predictor-args", '{"batch": 2}'], 'batch: unknown key. Did you mean "batch_size"?'),
        (["--predictor-args", "{"], "--predictor-args is not valid JSON"),
        (["--predictor-args", "[1]"], "--predictor-args is not a JSON object"),
        (["--batch-size", "0"], "batch_size: expected 1 or more, found 0"),
        (["--cuda-device", "7"], "GPU 7 is not available"),
        (["--weights-file", "missing.th"], "no weights, missing.th"),
        (["-o", '{"model.typ": 1}'], "model.typ: unknown key"),
        (["-o", "{"], "--overrides"),
    ],
)
def test_wrong_flags(run: Run, tiny_run: Path, lines: str, flags: list[str], message: str) -> None:
    result = run("predict", tiny_run, lines, *flags)
    assert (result.status, result.out) == (2, "")
    assert message in result.err and "Traceback" not in result.err


def test_missing_files(run: Run, tiny_run: Path, lines: str) -> None:
    result = run("predict", "missing.tar.gz", lines)
    assert (result.status, result.err) == (2, "error: no archive at missing.tar.gz\n")
    result = run("predict", tiny_run, "missing.jsonl", "--output-file", "answers.jsonl")
    assert result.status == 2 and "missing.jsonl" in result.err
    assert not Path("answers.jsonl").exists()


def test_an_output_file_that_cannot_be_written_is_an_error(
    run: Run, tiny_run: Path, lines: str
) -> None:
    result = run("predict", tiny_run, lines, "--output-file", "in.jsonl/answers.jsonl")
    assert result.status == 2 and "cannot write in.jsonl/answers.jsonl" in result.err


def test_keys_blank_lines_and_order_are_kept(run: Run, tiny_run: Path) -> None:
    lines = ['{"id": "b", "sentence": "魏勇"}', "", '{"text": "深圳", "id": "a"}', " ", ""]
    Path("in.jsonl").write_bytes("\ufeff".encode() + "\r\n".join(lines).encode())
    result = run("predict", tiny_run, "in.jsonl")
    assert result.status == 0
    found = [(answer["sentence"], answer.get("id")) for answer in answers(result.out)]
    assert found == [("魏勇", "b"), ("", None), ("深圳", "a"), ("", None)]


def test_plain_text_and_a_chosen_key(run: Run, tiny_run: Path) -> None:
    Path("in.txt").write_text("魏勇\n\n深圳\n", encoding="utf-8")
    Path("in.jsonl").write_text(
        "".join(json.dumps({"content": text}) + "\n" for text in ("魏勇", "", "深圳"))
    )
    plain = run("predict", tiny_run, "in.txt")
    chosen = run("predict", tiny_run, "in.jsonl", "--text-key", "content")
    assert (plain.status, chosen.status) == (0, 0) and plain.out == chosen.out
    assert [answer["sentence"] for answer in answers(plain.out)] == ["魏勇", "", "深圳"]


def test_lines_before_an_invalid_one_are_printed(run: Run, tiny_run: Path) -> None:
    Path("in.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n{\n{"text": "c"}\n')
    result = run("predict", tiny_run, "in.jsonl")
    assert [answer["sentence"] for answer in answers(result.out)] == ["a", "b"]
    assert result.status == 2 and "error: in.jsonl:3: found '{'" in result.err


@pytest.mark.parametrize("to_file", [True, False])
def test_invalid_lines_are_skipped(run: Run, tiny_run: Path, to_file: bool) -> None:
    Path("in.jsonl").write_bytes(b'{"text": "a"}\n{"id": 4}\n\xff\n{"text": "b"}\n')
    flags = ["--output-file", "out.jsonl"] if to_file else []
    result = run("predict", tiny_run, "in.jsonl", "--on-error", "skip", *flags)
    assert result.status == 0
    found = answers(Path("out.jsonl").read_text(encoding="utf-8") if to_file else result.out)
    assert [answer.get("sentence") for answer in found] == ["a", None, None, "b"]
    assert [answer.get("line") for answer in found] == [None, 2, 3, None]
    assert found[1]["id"] == 4 and "in.jsonl:2: " in found[1]["error"]
    assert 'in.jsonl: 2 of 4 lines have no answer but an "error"' in result.err


@pytest.mark.parametrize("flags", [["--text-key", "content"], ["--on-error", "skip"]])
def test_flags_of_lines_do_not_go_with_a_reader(
    run: Run, tiny_run: Path, lines: str, flags: list[str]
) -> None:
    result = run("predict", tiny_run, lines, "--use-dataset-reader", *flags)
    assert result.status == 2 and f"error: {flags[0]}" in result.err


def test_what_select_writes_is_predicted(run: Run, tiny_run: Path) -> None:
    Path("raw.txt").write_text("魏勇在深圳\n第一天\n", encoding="utf-8")
    chosen = run("select", tiny_run, "raw.txt", "--count", "2", "--output-file", "chosen.jsonl")
    result = run("predict", tiny_run, "chosen.jsonl")
    assert (chosen.status, result.status) == (0, 0), result.err
    selected = answers(Path("chosen.jsonl").read_text(encoding="utf-8"))
    for line, answer in zip(selected, answers(result.out), strict=True):
        assert answer["sentence"] == line.pop("text") and answer.items() >= line.items()
