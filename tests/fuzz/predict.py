"""Prediction: every input line is answered in order or refused, and offsets index the text."""

import json
import random
from pathlib import Path
from typing import Any
from unittest import mock

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.commands import predict
from tests.fuzz.harness import Broken, Case, command, expect
from tests.fuzz.models import HEADS, trained
from tests.fuzz.text import damaged, sentence

# The text of an answer, None if it holds an error instead, and the keys that it repeats.
Expected = tuple[str | None, dict[str, Any]]
OWN_KEYS = {"sentence", "tags", "entities", "words", "n_best"}
INVALID = ("null", "[]", '"x"', '{"x": "北京", "id": 3}', '{"sentence": 1, "text": "北京"}', "北京")


def lines_of_input(chance: random.Random) -> str:
    lines = []
    for _ in range(chance.randint(0, 5)):
        longest = chance.choice((1, 12, 12, 60, 700))
        key = chance.choice(("sentence", "sentence", "text"))
        record: Any = {key: sentence(chance, longest) if chance.random() < 0.95 else ""}
        if chance.random() < 0.1:
            record["text"] = "北京"
        if chance.random() < 0.2:
            record["id"] = chance.choice((1, None, "a", [1], {"b": 2}, "😀"))
        lines.append(json.dumps(record, ensure_ascii=chance.random() < 0.5))
        if chance.random() < 0.1:
            lines.append(chance.choice(("", " ", "\u3000\r", "\t")))
        if chance.random() < 0.05:
            lines.append(chance.choice(INVALID))
    return "\n".join(lines) + chance.choice(("\n", ""))


class Predict:
    """Draws input files and runs the command `predict` on them."""

    def __init__(self, folder: Path) -> None:
        archive = load_archive(trained(folder))
        # The model is loaded once, not for every input.
        self.loaded = mock.patch.object(predict, "load_model", lambda arguments: archive)
        self.folder = folder
        self.archive = str(folder / "run" / "model.tar.gz")
        self.types = {head: archive.model.vocab.label_space(head).types for head in HEADS}

    def draw(self, chance: random.Random) -> Case:
        content = lines_of_input(chance).encode("utf-8", "surrogatepass")
        n_best = chance.choice((None, None, None, 1, 2, 5))
        head = chance.choice(HEADS)
        batch_size = chance.choice((1, 2, 64))
        on_error = chance.choice(("stop", "stop", "skip"))
        settings = {
            "head": head, "n_best": n_best, "batch_size": batch_size, "on_error": on_error
        }  # fmt: skip
        return Case(head, {"in.jsonl": damaged(content, chance)}, settings)

    def check(self, case: Case) -> str:
        path, answers_path = self.folder / "in.jsonl", self.folder / "out.jsonl"
        path.write_bytes(case.files["in.jsonl"])
        answers_path.unlink(missing_ok=True)
        head, n_best = case.settings["head"], case.settings["n_best"]
        arguments = [
            *("predict", self.archive, str(path), "--output-file", str(answers_path)),
            *("--silent", "--multitask-head", head, "--on-error", case.settings["on_error"]),
            *("--batch-size", str(case.settings["batch_size"])),
            *("--predictor-args", json.dumps({"n_best": n_best})),
        ]
        with self.loaded:
            status, _, err = command(arguments)
        expected = expected_answers(case.files["in.jsonl"], case.settings["on_error"] == "skip")
        if status:
            expect(status == 2 and err.splitlines()[-1].startswith("error: "), f"{status}: {err}")
            expect(expected is None, f"a valid input is refused: {err}")
            expect(not answers_path.exists(), "a refused input has answers")
            return "refused"

        if expected is None:
            raise Broken("an invalid input is answered")
        lines = answers_path.read_text(encoding="utf-8").split("\n")
        answers = [json.loads(line) for line in lines[:-1]]
        expect(lines[-1] == "" and len(answers) == len(expected), "other lines than the input's")
        for number, (answer, (text, others)) in enumerate(zip(answers, expected, strict=True), 1):
            own = self._check_error(answer, number) if text is None else OWN_KEYS
            found = {key: value for key, value in answer.items() if key not in own}
            expect(found == others, f"line {number} repeats {found}, not {others}")
            if text is not None:
                expect(answer["sentence"] == text, f"line {number} has another sentence")
                self._check_reading(answer, text, head)
                self._check_n_best(answer, head, n_best)
        return "answered"

    def _check_error(self, answer: dict[str, Any], number: int) -> set[str]:
        """Check the answer to an invalid line; return its own keys."""
        expect(answer.get("line") == number, f"an error of line {number} names another")
        expect(f"in.jsonl:{number}: " in answer["error"], "an error does not name file and line")
        return {"error", "line"}

    def _check_reading(self, answer: dict[str, Any], text: str, head: str) -> None:
        tags = answer["tags"]
        expect(len(tags) == len(text), "one tag for each character")
        if "words" in answer:
            expect("".join(answer["words"]) == text and all(answer["words"]), "words tile the text")
            return
        inside = 0
        for entity in answer["entities"]:
            start, end = entity["start"], entity["end"]
            expect(0 <= start < end <= len(text), f"{entity} is outside of the text")
            expect(entity["text"] == text[start:end], f"{entity} is not at its offsets")
            expect(entity["type"] in self.types[head], f"{entity} has no known type")
            expect(0 <= entity.get("score", 0) <= 1.0001, f"{entity} has no probability")
            expect(
                all(tag.endswith(f"-{entity['type']}") for tag in tags[start:end]), "tags differ"
            )
            inside += end - start
        expect(inside == sum(tag != "O" for tag in tags), "tags and entities differ")

    def _check_n_best(self, answer: dict[str, Any], head: str, n_best: int | None) -> None:
        if n_best is None:
            expect("n_best" not in answer, "readings that were not asked for")
            return
        readings = answer["n_best"]
        expect(1 <= len(readings) <= n_best, f"{len(readings)} readings")
        chances = [reading["probability"] for reading in readings]
        expect(chances == sorted(chances, reverse=True), "readings are not in order")
        expect(sum(chances) < 1.001, f"probabilities of {sum(chances)}")
        for reading in readings:
            self._check_reading(reading, answer["sentence"], head)


def expected_answers(content: bytes, skips: bool) -> list[Expected] | None:
    """Return what the answers to an input file hold; None if the file is refused.

    # Parameters

    content : the file.
    skips : whether an invalid line is answered, too.
    """
    lines = content.removesuffix(b"\n").split(b"\n") if content else []
    lines[:1] = [line.removeprefix(b"\xef\xbb\xbf") for line in lines[:1]]
    found = [expected_answer(line) for line in lines]
    if any(text is None for text, _ in found) and not skips:
        return None
    first = next((line for line in lines if not is_blank(line)), b"")
    is_array = is_utf8(first) and first.decode().lstrip().startswith("[")
    return None if is_array else found


def expected_answer(line: bytes) -> Expected:
    """Return the text of a line, None if it is invalid, and the keys that its answer repeats."""
    if is_blank(line):
        return "", {}
    try:
        record = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None, {}
    if not isinstance(record, dict):
        return None, {}
    key = "text" if "text" in record and "sentence" not in record else "sentence"
    text = record.pop(key, None)
    return text if isinstance(text, str) else None, record


def is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_blank(line: bytes) -> bool:
    return is_utf8(line) and not line.decode().strip()
