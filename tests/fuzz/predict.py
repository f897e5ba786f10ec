"""Prediction: every input line is answered in order or refused, and offsets index the text."""

import json
import random
from pathlib import Path
from typing import Any
from unittest import mock

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.commands import predict
from tests.fuzz.harness import Case, command, expect
from tests.fuzz.models import HEADS, trained
from tests.fuzz.text import damaged, sentence


def lines_of_input(chance: random.Random) -> str:
    lines = []
    for _ in range(chance.randint(0, 5)):
        longest = chance.choice((1, 12, 12, 60, 700))
        record: Any = {"sentence": sentence(chance, longest) if chance.random() < 0.95 else ""}
        if chance.random() < 0.2:
            record["id"] = chance.choice((1, None, "a", [1], {"b": 2}, "😀"))
        lines.append(json.dumps(record, ensure_ascii=chance.random() < 0.5))
        if chance.random() < 0.05:
            lines.append(chance.choice(("", " ", "null", "[]", '"x"', '{"text": "北京"}', "北京")))
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
        settings = {"head": head, "n_best": n_best, "batch_size": batch_size}
        return Case(head, {"in.jsonl": damaged(content, chance)}, settings)

    def check(self, case: Case) -> str:
        path, answers_path = self.folder / "in.jsonl", self.folder / "out.jsonl"
        path.write_bytes(case.files["in.jsonl"])
        answers_path.unlink(missing_ok=True)
        head, n_best = case.settings["head"], case.settings["n_best"]
        arguments = [
            *("predict", self.archive, str(path), "--output-file", str(answers_path)),
            *("--silent", "--multitask-head", head),
            *("--batch-size", str(case.settings["batch_size"])),
            *("--predictor-args", json.dumps({"n_best": n_best})),
        ]
        with self.loaded:
            status, _, err = command(arguments)
        texts = valid_texts(case.files["in.jsonl"])
        if status:
            expect(status == 2 and err.splitlines()[-1].startswith("error: "), f"{status}: {err}")
            expect(texts is None, f"a valid input is refused: {err}")
            expect(not answers_path.exists(), "a refused input has answers")
            return "refused"

        expect(texts is not None, "an invalid input is answered")
        lines = answers_path.read_text(encoding="utf-8").split("\n")
        answers = [json.loads(line) for line in lines if line.strip()]
        expect([answer["sentence"] for answer in answers] == texts, "other sentences or order")
        for answer in answers:
            self._check_reading(answer, answer["sentence"], head)
            self._check_n_best(answer, head, n_best)
        return "answered"

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


def valid_texts(content: bytes) -> list[str] | None:
    """Return the sentences of an input file; None if a line is not valid."""
    texts = []
    try:
        for line in content.removeprefix(b"\xef\xbb\xbf").decode().split("\n"):
            if line.strip():
                texts += [json.loads(line)["sentence"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return texts if all(isinstance(text, str) for text in texts) else None
