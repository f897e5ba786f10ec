"""All commands with every head, with nested gold, and with a custom head that cannot rank."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading import SpanJsonReader
from ner_adv_plugin.inference.selection import STRATEGIES
from ner_adv_plugin.modules.heads import Head, TaggingHead
from ner_adv_plugin.runs.train_job import train_model
from tests.commands.conftest import Run
from tests.tiny import single_task_config

SURNAMES, GIVEN, OTHERS = "王李张刘陈", "伟芳娜敏静", "我们今天在看了一个新的电影"
CITIES = ["北京", "南京", "上海", "武汉"]
HEADS = ["crf", "softmax", "pytorch_crf", "global_pointer", "biaffine"]
NESTED = ["global_pointer", "biaffine"]
KEEP = json.dumps({"dataset_reader.overlaps": "keep"})


@Head.register("smoothed_in_tests")
class SmoothedHead(TaggingHead):
    """Label smoothing per character: a head with a loss and best tags, and nothing else."""

    def negative_log_likelihood(
        self, emissions_BLT: Tensor, tags_BL: Tensor, mask_BL: Tensor
    ) -> Tensor:
        scores_BTL = emissions_BLT.float().transpose(1, 2)
        losses = torch.nn.functional.cross_entropy(
            scores_BTL, tags_BL, reduction="none", label_smoothing=0.1
        )
        return (losses * mask_BL).sum(1)

    def decode(self, emissions_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        return emissions_BLT.argmax(-1) * mask_BL


def write_corpus(path: Path, count: int, seed: int) -> str:
    """Write sentences with people, cities, and universities with cities nested in their names."""
    chance = random.Random(seed)
    lines = []
    for _ in range(count):
        text, spans = "", []
        for _ in range(chance.randint(1, 3)):
            text += "".join(chance.choices(OTHERS, k=chance.randint(1, 4)))
            start, kind = len(text), chance.choice(["PER", "LOC", "ORG"])
            if kind == "PER":
                text += chance.choice(SURNAMES) + chance.choice(GIVEN)
            else:
                text += chance.choice(CITIES)
                spans += [Span(start, len(text), "LOC")]
            if kind == "ORG":
                text += "大学"
            if kind != "LOC":
                spans.append(Span(start, len(text), kind))
        label: dict[str, dict[str, list[list[int]]]] = {}
        for span in spans:
            places = label.setdefault(span.type, {}).setdefault(text[span.start : span.end], [])
            places.append([span.start, span.end - 1])
        lines.append(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return str(path)


@dataclass
class Trained:
    """A run with one head.

    # Parameters

    head : the type of the head.
    folder : the folder of the run.
    corpus : a file of held-out sentences.
    texts : a file of their texts, one per line.
    inputs : a file of their texts for `predict`.
    """

    head: str
    folder: Path
    corpus: str
    texts: str
    inputs: str

    @property
    def nested(self) -> bool:
        return self.head in NESTED


def train(head: str, folder: Path) -> Trained:
    settings: dict[str, Any] = {"type": head, "dropout": 0.0}
    config = single_task_config(
        dataset_reader={
            "type": "span_json",
            "head": "names",
            "overlaps": "keep" if head in NESTED else "outermost",
        },
        train_data_path=write_corpus(folder / "train.json", 80, 0),
        validation_data_path=write_corpus(folder / "dev.json", 30, 1),
        model__head=settings | ({"hidden_size": 16} if head == "biaffine" else {}),
        data_loader__leakage="allow",
        trainer__num_epochs=30 if head == "biaffine" else 12,
        trainer__validation_metric="+names_f1",
    )
    del config["test_data_path"], config["evaluate_on_test"]
    train_model(config, folder / "run")

    texts = [sentence.text for sentence in SpanJsonReader().read(folder / "dev.json")]
    (folder / "raw.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    inputs = "".join(json.dumps({"sentence": text}) + "\n" for text in texts)
    (folder / "in.jsonl").write_text(inputs, encoding="utf-8")
    return Trained(
        head, folder / "run", *(str(folder / name) for name in ("dev.json", "raw.txt", "in.jsonl"))
    )


@pytest.fixture(scope="module", params=HEADS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def smoothed(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train("smoothed_in_tests", tmp_path_factory.mktemp("smoothed"))


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def check_scores(entities: list[dict[str, Any]]) -> None:
    assert all(0.0 <= entity["score"] <= 1.0 for entity in entities)


def test_evaluate(run: Run, trained: Trained) -> None:
    files = ["--predictions-output-file", "predictions.jsonl", "--reliability-diagram", "curve.png"]
    result = run("evaluate", trained.folder, trained.corpus, *files, "--verify")
    assert result.status == 0, result.err
    metrics, end = json.JSONDecoder().raw_decode(result.out)
    assert metrics["names_f1"] > 0.8 and metrics["names_loss"] > 0.0
    assert 0.0 <= metrics["names_ece"] <= 1.0
    same = f"names: verified, strict F1 is {metrics['names_f1']:.6f} with seqeval as well"
    nested = "names: not verified, as seqeval does not support nested entities"
    assert result.out[end:].strip() == (nested if trained.nested else same)
    assert Path("curve.png").read_bytes().startswith(b"\x89PNG")

    lines = lines_of(Path("predictions.jsonl").read_text(encoding="utf-8"))
    keys = {"dataset", "head", "sentence", "entities", "gold_entities"}
    assert all(set(line) == keys | (set() if trained.nested else {"tags"}) for line in lines)
    # The metrics agree with the written predictions and scores.
    predicted, gold = (
        [[key(e) for e in line[name]] for line in lines] for name in ("entities", "gold_entities")
    )
    right = sum(e in spans for own, spans in zip(predicted, gold, strict=True) for e in own)
    assert metrics["names_precision"] == pytest.approx(right / sum(map(len, predicted)))
    assert metrics["names_recall"] == pytest.approx(right / sum(map(len, gold)))
    scored = [
        (e["score"], key(e) in spans)
        for line, spans in zip(lines, gold, strict=True)
        for e in line["entities"]
    ]
    check_scores([entity for line in lines for entity in line["entities"]])
    assert metrics["names_ece"] == pytest.approx(calibration_error(scored), abs=1e-5)


def key(entity: dict[str, Any]) -> tuple[int, int, str]:
    return entity["start"], entity["end"], entity["type"]


def calibration_error(scored: list[tuple[float, bool]]) -> float:
    """Return the expected calibration error with ten bins (Guo et al. 2017, eq. 3)."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for score, right in scored:
        bins.setdefault(min(int(score * 10), 9), []).append((score, right))
    gaps = [
        abs(sum(score for score, _ in own) - sum(right for _, right in own))
        for own in bins.values()
    ]
    return sum(gaps) / len(scored)


def test_nested_gold(run: Run, trained: Trained, caplog: pytest.LogCaptureFixture) -> None:
    """All gold spans are scored; only the loss of a flat head is limited to the outermost."""
    outermost = json.dumps({"dataset_reader.overlaps": "outermost"})
    results = [
        run("evaluate", trained.folder, trained.corpus, "-o", override)
        for override in (KEEP, outermost)
    ]
    assert [result.status for result in results] == [0, 0]
    whole, flat = (json.loads(result.out) for result in results)
    warning = 'entities overlap, which head "names" cannot represent'
    assert (warning in results[0].err) == (not trained.nested) and warning not in results[1].err

    if trained.nested:
        assert whole["names_recall"] > 0.8
    else:
        assert whole["names_loss"] == flat["names_loss"]
        assert (
            whole["names_recall"] < flat["names_recall"]
            and whole["names_precision"] >= flat["names_precision"]
        )


def test_predict(run: Run, trained: Trained) -> None:
    result = run("predict", trained.folder, trained.inputs)
    assert result.status == 0, result.err
    answers = lines_of(result.out)
    keys = {"sentence", "entities"} | (set() if trained.nested else {"tags"})
    assert all(set(answer) == keys for answer in answers)
    check_scores([entity for answer in answers for entity in answer["entities"]])
    assert sum(len(answer["entities"]) for answer in answers) > 30

    result = run("predict", trained.folder, trained.inputs, "--predictor-args", '{"n_best": 2}')
    assert result.status == 0, result.err
    for alone, answer in zip(answers, lines_of(result.out), strict=True):
        first, second = answer["n_best"]
        assert 1.0 >= first["probability"] >= second["probability"] > 0.0
        assert set(first) == {"probability"} | keys - {"sentence"}
        assert first["entities"] == answer["entities"]
        assert [key(e) for e in answer["entities"]] == [key(e) for e in alone["entities"]]
        check_scores(first["entities"] + second["entities"])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_select(run: Run, trained: Trained, strategy: str) -> None:
    chosen = ["--count", "5", "--strategy", strategy, "--output-file", "chosen.json"]
    result = run("select", trained.folder, trained.texts, *chosen)
    assert (result.status, result.out) == (0, ""), result.err
    sentences = SpanJsonReader().read("chosen.json")
    assert len({sentence.text for sentence in sentences}) == len(sentences) == 5
    Path("in.jsonl").write_text(
        "".join(json.dumps({"sentence": sentence.text}) + "\n" for sentence in sentences)
    )
    answers = lines_of(run("predict", trained.folder, "in.jsonl").out)
    assert [sorted(sentence.spans or ()) for sentence in sentences] == [
        [Span(*key(e)) for e in a["entities"]] for a in answers
    ]


def test_a_head_that_cannot_rank_predicts_entities(run: Run, smoothed: Trained) -> None:
    result = run("predict", smoothed.folder, smoothed.inputs)
    assert result.status == 0, result.err
    check_scores([entity for answer in lines_of(result.out) for entity in answer["entities"]])
    result = run(
        "evaluate",
        smoothed.folder,
        smoothed.corpus,
        "--verify",
        "--reliability-diagram",
        "curve.svg",
    )
    assert result.status == 0 and ": verified" in result.out and Path("curve.svg").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "inputs", "--predictor-args", '{"n_best": 2}'],
        ["predict", "inputs", "--predictor-args", '{"n_best": 2}', "--output-file", "out/answers"],
        *(
            ["select", "texts", "--strategy", strategy, "--output-file", "out/chosen"]
            for strategy in STRATEGIES
        ),
    ],
)
def test_ranking_with_a_head_that_cannot_rank_is_an_error(
    run: Run, smoothed: Trained, arguments: list[str]
) -> None:
    command, source, *flags = arguments
    result = run(command, smoothed.folder, getattr(smoothed, source), *flags)
    assert (result.status, result.out) == (2, "")
    assert result.err.splitlines()[-1] == (
        'error: head "names" (SmoothedHead) does not rank readings, which n_best, select and '
        'instance weighting by "confidence" need; heads that do: "biaffine", "crf", '
        '"global_pointer", "pytorch_crf", "softmax"'
    )
    assert not list(Path().iterdir())


def test_a_head_that_predicts_nothing(run: Run, trained: Trained) -> None:
    """Files are also written if no entity is predicted."""
    Path("dev.json").write_text('{"text": "今天", "label": {}}\n', encoding="utf-8")
    files = ["--predictions-output-file", "predictions.jsonl", "--reliability-diagram", "curve.png"]
    result = run("evaluate", trained.folder, "dev.json", *files)
    assert result.status == 0, result.err
    (line,) = lines_of(Path("predictions.jsonl").read_text(encoding="utf-8"))
    assert line["entities"] == line["gold_entities"] == []
    assert json.loads(result.out)["names_ece"] == 0.0 and Path("curve.png").is_file()
