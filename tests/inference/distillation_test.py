"""Distillation: losses against sums over all tag paths, self-training, ensembles, errors."""

import copy
import json
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.data.batching.loaders.evaluation import evaluation_batches
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.inference.tagger import Tagger
from ner_adv_plugin.inference.teachers import Labelling, labelled
from ner_adv_plugin.modules.crf import ConditionalRandomField
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.testing import ModelTestCase
from tests.modules.crf_reference import prefix_mask, with_random_scores
from tests.same_run import differences
from tests.stopping import stopping_before
from tests.tiny import ROOT, model_and_loader, tiny_config

SELF_TRAINING = ROOT / "fixtures/configs/self_training.jsonnet"
LENGTHS = [4, 3, 1]


def field(types: int, seed: int, constrained: bool = True) -> ConditionalRandomField:
    scheme = get_scheme("BIO")
    labels = scheme.labels([str(i) for i in range(types)])
    masks = [torch.from_numpy(mask) for mask in scheme.transitions(labels)] if constrained else []
    torch.manual_seed(seed)
    return with_random_scores(ConditionalRandomField(len(labels), *masks))


def emissions_of(seed: int, tags: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(len(LENGTHS), max(LENGTHS), tags, generator=generator)


def distribution(
    crf: ConditionalRandomField, emissions_LT: Tensor, scale: float = 1.0
) -> dict[tuple[int, ...], float]:
    """The probability of every path of one sequence, by enumeration in plain Python."""
    starts, moves, ends = (
        scores.masked_fill(~allowed, -torch.inf).double().tolist()
        for scores, allowed in (
            (crf.start_transitions, crf.allowed_starts),
            (crf.transitions, crf.allowed_transitions),
            (crf.end_transitions, crf.allowed_ends),
        )
    )
    rows = emissions_LT.double().tolist()
    scores = {}
    for path in product(range(crf.num_tags), repeat=len(rows)):
        score = starts[path[0]] + ends[path[-1]]
        score += sum(row[tag] for row, tag in zip(rows, path, strict=True))
        score += sum(moves[a][b] for a, b in zip(path, path[1:], strict=False))
        scores[path] = scale * score
    values = torch.tensor(list(scores.values()), dtype=torch.float64)
    return dict(zip(scores, values.softmax(0).tolist(), strict=True))


def brute_force(
    teachers: list[tuple[ConditionalRandomField, Tensor]],
    student: tuple[ConditionalRandomField, Tensor],
    temperature: float,
    k_best: int | None = None,
) -> float:
    """-tau^2 sum over y of q(y) log p(y) of one sequence."""
    mixture: dict[tuple[int, ...], float] = {}
    for crf, own_LT in teachers:
        paths = distribution(crf, own_LT, 1 / temperature)
        if k_best is not None:
            best = sorted(paths, key=lambda path: -paths[path])[:k_best]
            total = sum(paths[path] for path in best)
            paths = {path: paths[path] / total for path in best}
        for path, probability in paths.items():
            mixture[path] = mixture.get(path, 0.0) + probability / len(teachers)
    own = distribution(*student, 1 / temperature)
    logs = {path: torch.tensor(p).log().item() for path, p in own.items() if p > 0}
    return -(temperature**2) * sum(q * logs[path] for path, q in mixture.items() if q > 0)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("k_best", [None, 1, 4])
def test_the_loss_is_a_sum_over_paths(temperature: float, k_best: int | None) -> None:
    teachers = [(field(2, seed), emissions_of(seed, 5)) for seed in (1, 2)]
    student, own_BLT = field(2, 3), emissions_of(3, 5).requires_grad_()
    mask_BL = prefix_mask(LENGTHS)
    found = labelled(
        [crf for crf, _ in teachers], [e for _, e in teachers], mask_BL, temperature, k_best
    )
    loss_B = temperature**2 * student.cross_entropy(
        own_BLT, found.tags_BLT, found.transitions_BTT, mask_BL, 1 / temperature
    )
    expected = [
        brute_force(
            [(crf, e[row, :length]) for crf, e in teachers],
            (student, own_BLT[row, :length].detach()),
            temperature,
            k_best,
        )
        for row, length in enumerate(LENGTHS)
    ]
    torch.testing.assert_close(loss_B, torch.tensor(expected), rtol=1e-4, atol=1e-5)

    # The gradient by emissions is tau (p - q) of the tags: it is 0 where both agree.
    loss_B.sum().backward()
    marginals, _ = student.scaled(1 / temperature).expectations(own_BLT / temperature, mask_BL)
    expected_BLT = temperature * (marginals - found.tags_BLT.float())
    torch.testing.assert_close(own_BLT.grad, expected_BLT, rtol=1e-3, atol=1e-5)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in student.parameters())


def test_confidence_is_the_probability_of_the_best_path() -> None:
    teachers = [(field(1, seed), emissions_of(seed, 3)) for seed in (1, 2, 3)]
    found = labelled([crf for crf, _ in teachers], [e for _, e in teachers], prefix_mask(LENGTHS))
    for row, length in enumerate(LENGTHS):
        each = [distribution(crf, e[row, :length]) for crf, e in teachers]
        best = [max(paths, key=lambda path: paths[path]) for paths in each]
        expected = max(sum(paths[path] for paths in each) / len(each) for path in best)
        assert found.confidence_B[row].item() == pytest.approx(expected, rel=1e-5)


def test_a_teacher_without_constraints_is_restricted_to_valid_paths() -> None:
    free, student = field(1, 4, constrained=False), field(1, 5)
    own_BLT, mask_BL = emissions_of(4, 3), prefix_mask(LENGTHS)
    restricted = ConditionalRandomField(
        3, student.allowed_starts, student.allowed_transitions, student.allowed_ends
    )
    restricted.load_state_dict(free.state_dict())
    found = labelled([restricted], [own_BLT], mask_BL)
    loss_B = student.cross_entropy(own_BLT, found.tags_BLT, found.transitions_BTT, mask_BL)
    assert loss_B.isfinite().all()


def distilled(teachers: list[str] | None, **settings: Any) -> dict[str, Any]:
    """A config of Weibo and raw text, taught by archives of `tiny_config`."""
    config = tiny_config(
        model__type="hard_sharing",
        model__objectives=[
            {"type": "distillation", "head": "weibo", "teachers": teachers, **settings}
        ],
    )
    readers = config["dataset_reader"]["readers"]
    readers["reviews"] = {"type": "unlabelled", "max_instances": 30}
    config["train_data_path"]["reviews"] = str(ROOT / "fixtures/data/unlabelled/reviews.txt")
    return config


@pytest.mark.parametrize("threshold", [0.0, 0.3])
def test_the_objective_of_a_batch(tiny_run: Path, threshold: float) -> None:
    config = distilled([str(tiny_run)], temperature=1.5, threshold=threshold, weight=0.7)
    config["model"]["head"]["normalize_by"] = "sentences"
    model, loader = model_and_loader(config)
    model.eval()
    teacher = load_archive(tiny_run, only_heads=["weibo"]).model
    (batch,) = loader.batches([[("weibo", 0), ("reviews", 3), ("msra", 0), ("reviews", 5)]])
    losses = model(batch)["losses"]

    total, confident = 0.0, 0
    student: Any = model
    for i, name in enumerate(batch.datasets):
        if name == "msra":
            continue
        # Of another encoder: the characters of the archive.
        text = loader.sentences()[name].text(batch.sentence_ids[i])
        tagger = Tagger(load_archive(tiny_run, only_heads=["weibo"]), "weibo")
        (whole,) = list(_batches(tagger, text))
        theirs = teacher.tag_scores(whole, "weibo")
        crf = teacher.tagging_head("weibo").as_crf()
        found: Labelling = labelled([crf], [theirs], whole.mask_BL, 1.5)
        if found.confidence_B[0] < threshold:
            continue
        confident += 1
        alone = batch.select([i])
        own = student.tag_scores(alone, "weibo")
        crf = student.tagging_head("weibo").as_crf()
        tags, transitions = found.tags_BLT, found.transitions_BTT
        loss = crf.cross_entropy(own, tags, transitions, alone.mask_BL, 1 / 1.5)
        total += 1.5**2 * loss.item()
    assert batch.units.get("objectives.0", 0) == confident
    assert confident == 3 if threshold == 0 else confident < 3
    if confident:
        torch.testing.assert_close(
            losses["objectives.0"], torch.tensor(0.7 * total / confident), rtol=1e-4, atol=1e-5
        )
    else:
        assert "objectives.0" not in losses


def _batches(tagger: Any, text: str) -> Any:
    return evaluation_batches(tagger.encoded([Instance(text)]))


def test_chunks_of_a_teacher_change_nothing(
    tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With many paths, fewer sentences are labelled together."""
    found = []
    for most in (2**24, 1):
        monkeypatch.setattr("ner_adv_plugin.inference.teachers.MOST_ENTRIES", most)
        _, loader = model_and_loader(distilled([str(tiny_run)], k_best=3))
        found.append(loader.sentences()["weibo"].targets["objectives.0"])
    for name in ("tags", "transitions", "confident"):
        values = [vars(own[name])["values"] for own in found]
        np.testing.assert_allclose(*values, rtol=1e-5, atol=1e-6)


def test_towers_run_only_over_labelled_sentences(tiny_run: Path) -> None:
    model, loader = model_and_loader(distilled([str(tiny_run)]))
    (batch,) = loader.batches([[("weibo", 0), ("reviews", 3), ("msra", 0)]])
    routes = model.routes(batch)
    names = [[batch.datasets[i] for i in routes[tower]] for tower in ("weibo", "msra")]
    assert sorted(names[0]) == ["reviews", "weibo"] and names[1] == ["msra"]
    # In prediction, and without the objective, nothing changes.
    assert model.routes(batch, "msra") == {"msra": [0, 1, 2]}


@pytest.mark.parametrize("tower", ["lstm", "task_embedding", "task_token"])
def test_nothing_is_learnt_from_a_teacher_that_says_the_same(tower: str, tiny_run: Path) -> None:
    """A tower that reads the task of a sentence runs as in prediction, also over raw text."""
    config = distilled([str(tiny_run)], datasets=["weibo", "reviews"])
    inner = config["model"]["tower"]
    if tower != "lstm":
        towers = {"shared": {"type": tower, "tower": inner}}
        head = {**config["model"]["head"], "reads": ["shared"]}
        config["model"] = {**config["model"], "towers": towers, "head": head}
    config = with_overrides(
        config, {"model.encoder.dropout": 0.0, "model.head.dropout": 0.0, "model.tower": inner}
    )
    model, loader = model_and_loader(config)
    student: Any = model
    (objective,) = student.objectives
    objective.teachers, objective._loaded = None, ()
    for dataset in loader.sentences().values():
        dataset.targets = model.targets(dataset)
    (batch,) = loader.batches([[("weibo", 0), ("reviews", 3), ("msra", 0), ("reviews", 5)]])
    assert batch.units["objectives.0"] == 3
    losses = model.train()(batch)["losses"]
    losses["objectives.0"].backward()
    gradients = [p.grad.norm() for p in model.parameters() if p.grad is not None]
    assert len(gradients) > 5 and torch.stack(gradients).norm() < 1e-5


def test_an_ensemble_is_distilled_into_a_student(tiny_run: Path, tmp_path: Path) -> None:
    teachers = [str(tiny_run), str(tiny_run / "model.tar.gz")]
    config = with_overrides(
        distilled(teachers, datasets=["weibo"]),
        {"trainer.num_epochs": 12, "data_loader.batch_size": 8, "model.head.dropout": 0.0},
    )
    metrics = train_model(config, tmp_path / "run")
    first = json.loads((tmp_path / "run/metrics_epoch_0.json").read_text("utf-8"))
    assert 0 < metrics["training_objective_loss"] < first["training_objective_loss"] / 2
    digests = json.loads((tmp_path / "run/data.json").read_text("utf-8"))
    assert digests["model.objectives.0.teachers.1"]["file"] == teachers[1]
    with pytest.raises(ConfigurationError, match=r"teachers\.0: .*the content of") as error:
        other = str(tmp_path / "run")
        train_model({**config, **_taught_by([other, teachers[1]], config)}, tmp_path / "run", True)
    assert error.value.path == "model.objectives.0.teachers.0"
    # The archive needs no teacher.
    archive = tmp_path / "run/model.tar.gz"
    config = load_archive(archive).config
    assert config["model"]["objectives"][0]["teachers"] == teachers
    names = load_archive(archive).model.state_dict()
    assert not any(name.startswith("objectives.") for name in names)


def _taught_by(teachers: list[str], config: dict[str, Any]) -> dict[str, Any]:
    (objective,) = config["model"]["objectives"]
    return {"model": {**config["model"], "objectives": [{**objective, "teachers": teachers}]}}


class TestSelfTraining(ModelTestCase):
    def test_trains_saves_and_loads(self) -> None:
        self.set_up_model(SELF_TRAINING)
        self.ensure_model_can_train_save_and_load()
        self.ensure_batch_predictions_are_consistent()


# Sentences that change from epoch to epoch are labelled anew.
AUGMENTED = {"data_loader.augmentation": {"weibo": [{"type": "mention_replacement"}]}}
# The scores of a teacher are divided by its temperature.
CALIBRATED = {"trainer.calibration": "temperature"}


def test_rounds_are_stages_and_resume(tmp_path: Path) -> None:
    settings = {
        "trainer.checkpointer": {"save_every_num_batches": 1},
        "trainer.callbacks": [{"type": "tensorboard", "summary_interval": 1}],
        **AUGMENTED,
    }
    config = with_overrides(load_config(SELF_TRAINING), settings)
    metrics = train_model(config, tmp_path / "whole")
    assert metrics["stage_round1_training_objective_loss"] > 0
    assert metrics["training_objective_loss"] > 0
    assert (tmp_path / "whole/stages/round1/model.tar.gz").is_file()
    for step in (4, 8):
        run = tmp_path / f"run{step}"
        with stopping_before(step):
            train_model(config, run)
        # Event files of the two processes must have different names.
        time.sleep(1.0 - time.time() % 1.0)
        train_model(config, run, recover=True)
        assert differences(run, tmp_path / "whole") == []


@pytest.mark.parametrize(
    "settings", [{}, AUGMENTED, CALIBRATED], ids=["same", "augmented", "calibrated"]
)
def test_the_teacher_of_a_round_is_the_stage_before(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    config = with_overrides(load_config(SELF_TRAINING), settings)
    train_model(config, tmp_path / "run")
    by_archive = copy.deepcopy(config)
    for stage, teacher in ((1, "supervised"), (2, "round1")):
        path = str(tmp_path / "run/stages" / teacher / "model.tar.gz")
        by_archive["stages"][stage]["model"]["objectives"][0]["teachers"] = [path]
    train_model(by_archive, tmp_path / "other")
    names = ("best.th", "stages/round1/best.th")
    for one, other in ((tmp_path / "run" / n, tmp_path / "other" / n) for n in names):
        ours, theirs = (torch.load(path, weights_only=True) for path in (one, other))
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        ({"teachers": ["runs/none"]}, "teachers.0", 'no such archive "runs/none"'),
        ({"teachers": []}, "teachers", "expected an archive or more"),
        ({"teachers": None}, "teachers", "null is the model as it is when the run begins"),
        ({"head": "wiebo"}, "head", 'no head "wiebo". Did you mean "weibo"?'),
        ({"datasets": ["review"]}, "datasets.0", 'Did you mean "reviews"?'),
        ({"threshold": 1.5}, "threshold", "expected a probability from 0 to 1"),
        ({"temperature": 0.0}, "temperature", "expected more than 0"),
        ({"k_best": 0}, "k_best", "expected 1 or more"),
    ],
)
def test_errors(settings: dict[str, Any], path: str, message: str, tiny_run: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        checked_job(distilled(**{"teachers": [str(tiny_run)], **settings}))
    assert error.value.path == f"model.objectives.0.{path}"
    assert message in error.value.message


def test_teachers_with_other_tags_are_refused(tiny_run: Path) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"model.head.scheme": "BIOES"}, "expected the scheme BIOES, found BIO"),
        (
            {"dataset_reader.readers.weibo.type_map": {"PER.NAM": "PER"}},
            "PER, PER.NOM, found GPE.NAM",
        ),
    ]
    for overrides, message in cases:
        config = with_overrides(distilled([str(tiny_run)] * 2), overrides)
        with pytest.raises(ConfigurationError) as error:
            model_and_loader(config)
        assert error.value.path == "model.objectives.0.teachers.0"
        assert message in error.value.message and 'other tags than head "weibo"' in str(error.value)


def test_heads_that_do_not_tag_are_refused(tiny_run: Path) -> None:
    config = distilled([str(tiny_run)])
    config["model"]["heads"] = {"weibo": {"type": "global_pointer"}}
    with pytest.raises(ConfigurationError) as error:
        model_and_loader(config)
    assert error.value.path == "model.heads.weibo.type"
