"""Chinese messages: every entry of the catalogue has the English text of an error as it is raised.

Each case makes a mistake that a user makes. If the English text of an error changes, its case fails
here: change the entry of `messages_zh.py` as well.
"""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.commands import main
from ner_adv_plugin.common.localisation import (
    entry_of,
    error_line,
    localised,
    translated,
    values_in,
)
from ner_adv_plugin.common.messages_zh import HINTS, MESSAGES, PHRASES
from tests.tiny import DATA, single_task_config, write_config

WEIBO = str(DATA / "weibo" / "weiboNER_2nd_conll.dev")


def training(*flags: str, **changes: Any) -> list[str]:
    """Return the command that trains with a changed config."""
    path = write_config(Path("config.json"), single_task_config(**changes))
    return ["train", path, "-s", "run", *flags]


def _not_empty() -> list[str]:
    Path("run").mkdir()
    Path("run/file").touch()
    return training()


def _jsonnet() -> list[str]:
    Path("wrong.jsonnet").write_text("{ a: 1 b: 2 }")
    return ["train", "wrong.jsonnet"]


def _corpus(text: str | bytes, **reader: Any) -> list[str]:
    content = text if isinstance(text, bytes) else text.encode()
    Path("corpus.txt").write_bytes(content)
    # The metric of the small config names this task.
    settings = {"type": "conll", "head": "weibo", **reader}
    paths = {f"{split}_data_path": "corpus.txt" for split in ("train", "validation", "test")}
    return training(dataset_reader=settings, data_loader__leakage="allow", **paths)


def _unlabelled() -> list[str]:
    Path("corpus.jsonl").write_text('{"text": "北京"}\n' * 3, encoding="utf-8")
    reader = {"type": "span_json", "head": "weibo"}
    return training(dataset_reader=reader, train_data_path="corpus.jsonl")


def _overlapping() -> list[str]:
    label = '{"ORG": {"北京大学": [[0, 3]]}, "LOC": {"北京": [[0, 1]]}}'
    line = f'{{"text": "北京大学", "label": {label}}}\n'
    Path("corpus.jsonl").write_text(line * 3, encoding="utf-8")
    reader = {"type": "span_json", "head": "weibo"}
    paths = {f"{split}_data_path": "corpus.jsonl" for split in ("train", "validation", "test")}
    return training(dataset_reader=reader, data_loader__leakage="allow", **paths)


def _not_validated() -> list[str]:
    config = single_task_config(trainer__patience=2)
    del config["validation_data_path"]
    return ["train", write_config(Path("config.json"), config), "-s", "run"]


def _damaged() -> list[str]:
    Path("model.tar.gz").write_bytes(b"nothing")
    return ["evaluate", "model.tar.gz", WEIBO]


def _recovered() -> list[str]:
    main(training(trainer__num_epochs=1))
    return training("--recover", trainer__num_epochs=1, trainer__grad_norm=3.0)


def _no_head(tiny_run: Path) -> list[str]:
    return ["evaluate", str(tiny_run), WEIBO, "--multitask-head", "wiebo"]


def _cannot_write() -> list[str]:
    Path("folder").touch()
    Path("in.jsonl").write_text('{"text": "北京", "label": []}\n', encoding="utf-8")
    return ["convert", "in.jsonl", "folder/out.jsonl", "--from", "doccano", "--to", "doccano"]


RUN = '{"dataset_reader": {}}'


def _written(name: str, content: str) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return name


# The mistake of each entry, as the command line that makes it.
CASES: dict[str, Callable[[], list[str]]] = {
    "no config": lambda: ["train", "confg.jsonnet"],
    "jsonnet": _jsonnet,
    "unknown key": lambda: training(trainer__patients=3),
    "unregistered": lambda: training(model__tower__type="ltsm"),
    "missing key": lambda: training(
        trainer__learning_rate_scheduler={"type": "noam", "model_size": 3}
    ),
    "not one of": lambda: training(data_loader={"type": "multitask", "leakage": "dropp"}),
    "wrong type": lambda: training(trainer__num_epochs="three"),
    "no metric": lambda: training(trainer__validation_metric="+webio_f1"),
    "no dataset": lambda: training(data_loader__subset={"weibp": 3}),
    "not validated": _not_validated,
    "no file": lambda: training(train_data_path="nothing.txt"),
    "no folder": lambda: training(vocabulary={"type": "from_files", "directory": "nothing"}),
    "not empty": _not_empty,
    "a file, no run": lambda: ["explain", _written("file", "")],
    "no folder of a run": lambda: ["explain", "nothing"],
    "runs inside": lambda: ["explain", str(Path(_written("a/run/config.json", RUN)).parents[1])],
    "not a run": lambda: ["predict", str(Path(_written("b/config.yaml", "")).parent), "in.txt"],
    "no model kept": lambda: ["predict", str(Path(_written("c/run.json", "{}")).parent), "in.txt"],
    "cannot write": _cannot_write,
    "cannot download": lambda: ["train", "file:///nothing/config.jsonnet"],
    "unlabelled": _unlabelled,
    "no entity": lambda: _corpus("北 O\n京 O\n\n" * 5),
    "overlap": _overlapping,
    "encoding": lambda: _corpus("北京 B-LOC\n".encode("gb18030")),
    "data": lambda: _corpus("北京 B-LOC\n"),
    "no archive": lambda: ["evaluate", "nothing.tar.gz", WEIBO],
    "damaged archive": _damaged,
    "encoder": lambda: training(
        model__encoder={"type": "pretrained_transformer", "model_name": str(DATA)}
    ),
    "extra": lambda: training(trainer__callbacks=["wandb"]),
    "gpu": lambda: training(trainer__cuda_device=97),
    "recover": _recovered,
    "no command": lambda: ["tarin", "config.jsonnet"],
    "required": lambda: ["train"],
    "unrecognized": lambda: ["recipes", "adv", "--no-such-flag"],
    "choice": lambda: ["predict", "a", "b", "--on-error", "stopp"],
}
NEED_A_RUN: dict[str, Callable[[Path], list[str]]] = {"no head": _no_head}


@pytest.mark.parametrize("name", MESSAGES)
def test_an_entry_matches_the_error_as_it_is_raised(
    name: str,
    tiny_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "wandb", None)
    command = NEED_A_RUN[name](tiny_run) if name in NEED_A_RUN else CASES[name]()
    monkeypatch.delenv("NER_LANG", raising=False)
    english = _message(command, capsys)
    assert english.isascii() or re.search("error|expected|head", english)
    chinese = {}
    for language in ("zh", "zh_CN.UTF-8"):
        monkeypatch.setenv("NER_LANG", language)
        chinese[language] = _message(command, capsys)
    assert chinese["zh"] == chinese["zh_CN.UTF-8"] == translated(english) != english

    starts = [0, *(match.end() for match in re.finditer(": ", english))]
    found = [(start, entry_of(english[start:])) for start in starts]
    place, entry = next((english[:start], entry) for start, entry in found if entry is not None)
    assert entry[0] == name, english
    assert chinese["zh"].startswith(place)
    for key, value in entry[1].items():
        assert key in ("hint", "expected", "reason") or value in chinese["zh"]
    # A name that was misspelt is proposed in Chinese as well.
    assert "Did you mean" not in chinese["zh"]


def _message(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the message that a command stops with, without "error: "."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(command)
    assert stopped.value.code == 2
    text = capsys.readouterr().err
    return re.split(r"^(?:allennlp.*: )?(?:error: |错误：)", text, maxsplit=1, flags=re.M)[
        -1
    ].strip()


def test_every_entry_has_a_case() -> None:
    assert {*CASES, *NEED_A_RUN} == set(MESSAGES) and len(MESSAGES) >= 20


@pytest.mark.parametrize("pair", [*MESSAGES.values(), *HINTS, *PHRASES])
def test_both_texts_have_the_same_values(pair: tuple[str, str]) -> None:
    english, chinese = pair
    assert sorted(values_in(english)) == sorted(values_in(chinese))
    assert english.isascii() and not chinese.isascii()


def test_values_and_places_stay_as_they_are() -> None:
    found = "found '{weird} %s\\n: \"x\"', expected a whole number"
    line = translated(f"a: b/c d.txt:17: {found}")
    assert line == "a: b/c d.txt:17: 发现 '{weird} %s\\n: \"x\"'，应为 整数"


@pytest.mark.parametrize("text", ["", "something else: happened", "found nothing", "错误"])
def test_what_has_no_translation_stays(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert translated(text) == text
    monkeypatch.setenv("NER_LANG", "zh")
    assert localised(text) == text and error_line(text) == f"错误：{text}"


@pytest.mark.parametrize("language", [None, "", "en", "fr", "zhx"])
def test_other_languages_are_english(language: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if language is None:
        monkeypatch.delenv("NER_LANG", raising=False)
    else:
        monkeypatch.setenv("NER_LANG", language)
    assert error_line("no archive at a") == "error: no archive at a"


def test_a_long_message_is_not_slow() -> None:
    """Patterns have several values in a row; none may take quadratic time or worse."""
    text = "found " + "x: found, expected " * 400
    assert translated(text).startswith("发现 ") and os.environ
