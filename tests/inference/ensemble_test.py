"""Models that vote: in prediction, in evaluation, from Python."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from ner_adv_plugin import evaluate
from ner_adv_plugin.archives import Archive, load_archive
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.voting import elected_entities
from ner_adv_plugin.inference import Ensemble, Predictor, Tagger
from ner_adv_plugin.runs.train_job import train_model
from tests.commands.conftest import Run
from tests.commands.conftest import run as run  # the fixture
from tests.tiny import DATA, single_task_config, weights

DEV = DATA / "weibo" / "weiboNER_2nd_conll.dev"
MSR = DATA / "msr" / "msr_test_gold.utf8"
TEXTS = ["魏勇在深圳", "", "我在北京大学见到了王小明", "今天天气很好"]


def noisy(model: Path, folder: Path, seed: int) -> Path:
    """Return a copy of a run whose weights are a little different."""
    shutil.copytree(model, folder)
    (folder / "model.tar.gz").unlink()
    generator = torch.Generator().manual_seed(seed)
    state = weights(folder / "best.th")
    for name, own in state.items():
        if own.is_floating_point() and name.startswith("heads."):
            own += 0.4 * torch.randn(own.shape, generator=generator)
    torch.save(state, folder / "best.th")
    return folder


@pytest.fixture(scope="module")
def models(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three models that do not always agree."""
    base = tmp_path_factory.mktemp("models")
    return [tiny_run, *(noisy(tiny_run, base / f"seed{seed}", seed) for seed in (1, 2))]


def flags_of(models: list[Path]) -> list[str | Path]:
    return [flag for model in models for flag in ("--ensemble", model)]


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_what_most_models_predict_is_predicted(run: Run, models: list[Path]) -> None:
    texts = [*TEXTS, *(line["sentence"] for line in _gold(run, models[0]))]
    Path("in.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    result = run("predict", models[0], "in.txt", *flags_of(models[1:]))
    assert result.status == 0, result.err
    answers = lines_of(result.out)

    alone = [Tagger(load_archive(model)).readings([*map(Instance, texts)]) for model in models]
    by_sentence = [[own[0].spans for own in readings] for readings in zip(*alone, strict=True)]
    assert any(len(set(map(str, readings))) > 1 for readings in by_sentence), "they all agree"
    for text, answer, readings in zip(texts, answers, by_sentence, strict=True):
        elected = elected_entities(readings)
        found = [(one["start"], one["end"], one["type"]) for one in answer["entities"]]
        assert found == [span.span for span in elected]
        assert [one["score"] for one in answer["entities"]] == pytest.approx(
            [span.score for span in elected]
        )
        assert answer["sentence"] == text and len(answer["tags"]) == len(text)


def _gold(run: Run, model: Path) -> list[dict[str, Any]]:
    result = run("evaluate", model, DEV, "--predictions-output-file", "gold.jsonl")
    assert result.status == 0, result.err
    return lines_of(Path("gold.jsonl").read_text(encoding="utf-8"))


def test_scores_are_those_of_the_vote(run: Run, models: list[Path]) -> None:
    output = ("--predictions-output-file", "voted.jsonl", "--verify")
    result = run("evaluate", models[0], DEV, *flags_of(models[1:]), *output)
    assert result.status == 0, result.err
    text, _, verified = result.out.partition("}\n")
    metrics = json.loads(text + "}")
    assert "verified" in verified and "weibo_loss" not in metrics and "weibo_ece" in metrics

    lines = lines_of(Path("voted.jsonl").read_text(encoding="utf-8"))
    gold, found = (
        {
            (i, one["start"], one["end"], one["type"])
            for i, line in enumerate(lines)
            for one in line[key]
        }
        for key in ("gold_entities", "entities")
    )
    f1 = 2 * len(gold & found) / (len(gold) + len(found))
    assert metrics["weibo_f1"] == pytest.approx(f1)

    # From Python, and not the scores of the first model alone.
    archive = load_archive(models[0])
    corpus = list(archive.reader.readers["weibo"].read(DEV))
    assert evaluate(Ensemble(archive, models[1:]), corpus)["f1"] == pytest.approx(f1)
    assert evaluate(archive, corpus)["f1"] != pytest.approx(f1)


def test_models_that_are_equal_predict_what_one_does(tiny_run: Path) -> None:
    for head in ("weibo", "msr"):
        one = Predictor.from_path(tiny_run, head=head)
        three = Ensemble(load_archive(tiny_run, only_heads=[head]), [tiny_run] * 2, head)
        for alone, voted in zip(one.predict(TEXTS), three.predict(TEXTS), strict=True):
            assert alone.keys() == voted.keys()
            for key in alone.keys() - {"entities"}:
                assert alone[key] == voted[key]
            for a, b in zip(alone.get("entities", []), voted.get("entities", []), strict=True):
                assert a.pop("score") == pytest.approx(b.pop("score")) and a == b


def test_encoders_and_datasets_may_differ(
    run: Run, models: list[Path], transformer_archive: Path
) -> None:
    flags = ["--ensemble", transformer_archive, "--ensemble", models[1]]
    result = run("evaluate", models[0], DEV, *flags)
    assert result.status == 0 and "weibo_f1" in result.out, result.err


def test_several_datasets_are_scored_by_their_heads(
    run: Run, models: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []

    def open_counted(path: str, *args: Any, **kwargs: Any) -> Archive:
        opened.append(Path(path))
        return load_archive(path, *args, **kwargs)

    monkeypatch.setattr("ner_adv_plugin.inference.ensemble.load_archive", open_counted)
    files = json.dumps({"weibo": str(DEV), "msr": str(MSR)})
    result = run("evaluate", models[0], files, "--ensemble", models[1], "--ensemble", models[2])
    assert result.status == 0, result.err
    assert {"weibo_f1", "msr_f1"} <= set(json.loads(result.out))
    assert opened == models[1:], "each model is opened once, for all of its heads"


def test_models_that_cannot_vote(run: Run, models: list[Path], tmp_path: Path) -> None:
    Path("in.txt").write_text("魏勇在深圳\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="expected one or more, found none"):
        Ensemble(load_archive(models[0]), [])
    result = run("predict", models[0], "in.txt", "--ensemble", "nowhere")
    assert result.status == 2 and "no archive at nowhere" in result.err
    result = run("predict", models[0], "in.txt", "--ensemble", models[1], "--predictor", "tagger")
    assert result.status == 2 and 'predictor "tagger" does not vote' in result.err
    settings = ["--predictor-args", '{"n_best": 2}']
    result = run("predict", models[0], "in.txt", "--ensemble", models[1], *settings)
    assert result.status == 2 and "n_best" in result.err

    other = single_task_config(dataset_reader__max_instances=12, trainer__num_epochs=1)
    other["model"]["head"] = {"type": "global_pointer"}
    train_model(other, tmp_path / "nested")
    result = run("predict", models[0], "in.txt", "--ensemble", tmp_path / "nested")
    assert result.status == 2 and "may overlap in one of the two models" in result.err
    with pytest.raises(UserError, match='no head "msra"'):
        Ensemble(load_archive(models[0], only_heads=["msra"]), [tmp_path / "nested"], "msra")
