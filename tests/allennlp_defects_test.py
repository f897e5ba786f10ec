"""Tests for twelve defects of AllenNLP that this package must not have, by number.

1. Length and schedules with `instances_per_epoch`. 2. Mixed batches in which heads read the same
text. 3. Local shuffling. 4. Padding in multi-task batches. 5. Shares of datasets. 6. Prediction
with several heads. 7. Metrics of a head without sentences. 8. Resuming. 9. Accumulation. 10. Errors
in configs. 11. Scores. 12. The CRF.
"""

import itertools
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.commands import main
from ner_adv_plugin.common.binding import bind, construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data import DataLoader, MultiTaskEpochSampler
from ner_adv_plugin.data.labels.tag_arrays import TagTable, sentence_offsets, strict_spans
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.evaluation.entity_scores import entity_scores
from ner_adv_plugin.inference import Predictor
from ner_adv_plugin.modules.crf import ConditionalRandomField
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.callbacks import TrainerCallback
from tests.answers import assert_same_answers
from tests.data.sentences import of_lengths, realistic_lengths
from tests.stopping import Stopped
from tests.tiny import DATA, assert_same_weights, tiny_config, weights, write_config

WEIBO, MSRA = (str(DATA / name) for name in ("weibo/weiboNER_2nd_conll.train", "msra/train.bio"))
SCHEDULERS = ["roundrobin", "homogeneous_roundrobin"]
Seen = list[tuple[float, set[str]]]
Trained = tuple[Path, dict[str, Any], Seen]
TEXTS = ["魏勇在深圳", "我", "", "北京大学的张三今天去了上海的公司", "好的", "去北京"]


@TrainerCallback.register("test_of_defects")
class Watch(TrainerCallback):
    """Records the learning rate and the reported metrics of every batch.

    After `stop_after` steps it ends the run.
    """

    seen: Seen = []

    def __init__(self, serialization_dir: str, stop_after: int | None = None) -> None:
        super().__init__(serialization_dir)
        self.stop_after = stop_after

    def on_backward(self, trainer: Any, batch_metrics: Any) -> None:
        self.reported = set(batch_metrics)

    def on_batch(self, trainer: Any, epoch: int, batch_number: int, is_training: bool) -> None:
        self.seen.append((trainer.optimizer.param_groups[0]["lr"], self.reported))
        if len(self.seen) == self.stop_after:
            raise Stopped


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """The records of `Watch` in this test."""
    monkeypatch.setattr(Watch, "seen", [])
    return Watch.seen


def two_heads(**overrides: Any) -> dict[str, Any]:
    """Return a config with heads `ner` and `ner_msra`, one name a prefix of the other.

    A third head has the same sentences as `ner`.
    """
    config = tiny_config(
        model__type="hard_sharing", trainer__validation_metric="+ner_f1", evaluate_on_test=False
    )
    config["dataset_reader"]["readers"] = {
        "ner": {"type": "weibo", "max_instances": 24},
        "ner_msra": {"type": "msra", "max_instances": 8},
        "again": {"type": "weibo", "max_instances": 24},
    }
    config["train_data_path"] = {"ner": WEIBO, "ner_msra": MSRA, "again": WEIBO}
    config["validation_data_path"] = {"ner": WEIBO}
    del config["test_data_path"]
    # Training and validation sentences are the same.
    config["data_loader"] = {"batch_size": 16, "leakage": "allow"}
    config["trainer"] |= {"num_epochs": 2, "callbacks": ["test_of_defects"]}
    for place, value in overrides.items():
        section, _, key = place.partition("__")
        config[section][key] = value
    return config


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A run of `two_heads`: its folder, metrics and records."""
    folder = tmp_path_factory.mktemp("two_heads")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Watch, "seen", [])
        metrics = train_model(two_heads(trainer__num_epochs=4), folder)
        return folder, metrics, Watch.seen


def loader_of(sizes: dict[str, list[int]], **config: Any) -> DataLoader:
    loader = construct(DataLoader, config)
    loader.set_sentences(of_lengths(**sizes), 0)
    return loader


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_1_length_is_exact_and_the_schedule_ends_with_the_last_step(
    tmp_path: Path, seen: Seen, scheduler: str
) -> None:
    sampler = {"type": "uniform", "instances_per_epoch": 31}
    loading = {"scheduler": {"type": scheduler, "batch_size": 4}, "sampler": sampler}
    loader = loader_of({"a": [3] * 50, "b": [5] * 9, "c": [4] * 9}, **loading)
    made = [len(loader.plan(epoch)) for epoch in range(3)]
    assert made == [len(loader)] * 3 and sum(map(len, loader.plan(3))) == 31
    config = two_heads(data_loader__sampler=sampler, data_loader__scheduler=loading["scheduler"])
    del config["data_loader"]["batch_size"]
    config["trainer"]["learning_rate_scheduler"] = {"type": "linear_with_warmup", "warmup": 4}
    train_model(config, tmp_path)
    total = 2 * len(loader)
    expected = [0.02 * min(step / 4, (total - step) / (total - 4)) for step in range(1, total + 1)]
    assert [rate for rate, _ in seen] == pytest.approx(expected, abs=1e-12)
    assert seen[-1][0] == 0.0 < seen[-2][0]


def test_2_two_heads_read_the_same_text_in_one_batch(trained: Trained) -> None:
    _, metrics, batches = trained
    mixed = [reported for _, reported in batches if {"ner_loss", "again_loss"} <= reported]
    # 56 sentences in batches of 16: all four batches of every epoch.
    assert len(mixed) == len(batches) == 4 * 4
    # Same texts, tags and type of head: only the random initial weights differ.
    assert metrics["training_ner_loss"] == pytest.approx(metrics["training_again_loss"], rel=0.3)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_3_shuffling_is_global(scheduler: str) -> None:
    lengths = np.random.default_rng(0).integers(1, 9, 40_000).tolist()
    loader = loader_of({"a": lengths}, scheduler={"type": scheduler, "batch_size": 32})
    order = [sentence for batch in loader.plan(0) for _, sentence in batch]
    assert sorted(order) == list(range(40_000))
    # The standard deviation is 0.005 if sentences are shuffled independently.
    assert abs(spearmanr(order, np.arange(40_000)).statistic) < 0.03


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_4_batches_of_several_tasks_are_bucketed_by_length(scheduler: str) -> None:
    lengths = {
        "news": realistic_lengths(3_000, 1),
        "social": [n // 2 + 1 for n in realistic_lengths(1_000, 2)],
    }
    plan = loader_of(lengths, scheduler={"type": scheduler, "batch_size": 32}).plan(0)

    def padding(batches: list[list[int]]) -> float:
        return sum(max(batch) * len(batch) for batch in batches) / sum(map(sum, batches))

    planned = [[lengths[name][sentence] for name, sentence in batch] for batch in plan]
    shuffled = np.random.default_rng(0).permutation([n for batch in planned for n in batch])
    assert padding([part.tolist() for part in np.split(shuffled, len(shuffled) // 32)]) > 2
    assert padding(planned) < 1.3


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_5_the_mix_is_constant_and_rounding_loses_nothing(scheduler: str) -> None:
    sampler = {
        "type": "weighted",
        "weights": {"a": 1.0, "b": 1.0, "c": 1.0},
        "instances_per_epoch": 4_000,
    }
    sizes = {"a": [4] * 7_000, "b": [4] * 900, "c": [4] * 100}
    plan = loader_of(sizes, scheduler={"type": scheduler, "batch_size": 10}, sampler=sampler).plan(
        0
    )
    counts = Counter(name for batch in plan for name, _ in batch)
    assert sum(counts.values()) == 4_000 and set(counts.values()) == {1_333, 1_334}
    tenth = len(plan) // 10
    for part in (plan[:tenth], plan[-tenth:]):
        names = Counter(name for batch in part for name, _ in batch)
        assert all(abs(names[name] - 400 / 3) <= 20 for name in sizes)


def test_6_predictions_keep_the_order_and_the_head(trained: Trained) -> None:
    folder = trained[0]
    inputs = [{"sentence": text} for text in TEXTS * 20]
    by_head = {}
    for head in ("ner", "ner_msra"):
        predictor = Predictor.from_path(folder, head=head)
        alone = [predictor.predict_json(item) for item in inputs[: len(TEXTS)]]
        by_head[head] = predictor.predict_batch_json(inputs)
        assert [answer["sentence"] for answer in by_head[head]] == TEXTS * 20
        assert_same_answers(by_head[head], alone * 20)
        own = load_archive(folder, only_heads=[head]).model.state_dict()
        assert {name.split(".")[1] for name in own if name.startswith("heads.")} == {head}
    # The same text with two heads, each with its own types.
    vocab = load_archive(folder).model.vocab
    types = {head: set(vocab.label_space(head).types) for head in by_head}
    assert types["ner"] and types["ner_msra"] and not types["ner"] & types["ner_msra"]
    for head, answers in by_head.items():
        assert {entity["type"] for answer in answers for entity in answer["entities"]} <= types[
            head
        ]
        tags = {tag for answer in answers for tag in answer["tags"]}
        assert tags <= set(get_scheme("BIO").labels(sorted(types[head])))


def test_7_a_head_without_sentences_has_its_metrics(tmp_path: Path) -> None:
    weights = {"ner": 1e-6, "ner_msra": 1.0, "again": 1.0}
    sampler = {"type": "weighted", "weights": weights, "instances_per_epoch": 8}
    metrics = train_model(two_heads(data_loader__sampler=sampler), tmp_path)
    assert "training_ner_msra_loss" in metrics and "training_ner_loss" not in metrics
    assert 0.0 <= metrics["best_validation_ner_f1"] <= 1.0 and metrics["validation_ner_loss"] > 0


def test_8_a_stopped_run_is_resumed_exactly(tmp_path: Path, seen: Seen) -> None:
    config = two_heads(trainer__checkpointer={"save_every_num_batches": 1})
    train_model(config, tmp_path / "whole")
    seen.clear()
    stopping = two_heads(trainer__checkpointer={"save_every_num_batches": 1})
    stopping["trainer"]["callbacks"] = [{"type": "test_of_defects", "stop_after": 3}]
    with pytest.raises(Stopped):
        train_model(stopping, tmp_path / "stopped")
    train_model(config, tmp_path / "stopped", recover=True)
    # The third step was made before its checkpoint was written.
    assert len(seen) == 8 + 1
    assert_same_weights(tmp_path / "stopped" / "best.th", tmp_path / "whole" / "best.th")


def test_9_accumulated_micro_batches_equal_one_large_batch(tmp_path: Path) -> None:
    """One batch of 56 sentences, and micro-batches of 24, 24 and 8 with other shares of heads."""
    for name, size, accumulated in (("one", 56, 1), ("three", 24, 3)):
        config = two_heads(
            data_loader__batch_size=size, trainer__num_gradient_accumulation_steps=accumulated
        )
        config["trainer"] |= {"optimizer": {"type": "sgd", "lr": 0.5}, "num_epochs": 2}
        config["model"] |= {
            "encoder": {"type": "character_embedding", "embedding_dim": 24, "dropout": 0.0}
        }
        config["model"]["head"]["dropout"] = 0.0
        train_model(config, tmp_path / name)
    one, three = (
        weights(tmp_path / name / "checkpoints" / "model_state_e2_b0.th")
        for name in ("one", "three")
    )
    for name, value in one.items():
        torch.testing.assert_close(three[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            '{"model.tower.type": "bystander"}',
            'model.tower.type: "bystander" is not a registered Seq2SeqEncoder',
        ),
        (
            '{"model.tower.hiden_size": 3}',
            'model.tower.hiden_size: unknown key. Did you mean "hidden_size"?',
        ),
        (
            '{"data_loader.leakage": "dorp"}',
            "data_loader.leakage: found 'dorp', expected one of 'drop'",
        ),
        (
            '{"trainer.optimizer.lrr": 0.1}',
            'trainer.optimizer.lrr: unknown key. Did you mean "lr"?',
        ),
    ],
    ids=["type", "kwargs", "literal", "lazy"],
)
def test_10_a_typo_is_reported_with_its_path_before_anything_is_done(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    overrides: str,
    message: str,
) -> None:
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.chdir(tmp_path)
    Path("bystander.py").write_text("from pathlib import Path\nPath('imported').touch()\n")
    config = write_config(tmp_path / "config.json", two_heads())
    with pytest.raises(SystemExit) as exit:
        main(["train", config, "-s", "run", "-o", overrides])
    assert exit.value.code == 2 and message in capsys.readouterr().err
    with pytest.raises(Exception, match="bystander"):
        MultiTaskEpochSampler.by_name("bystander")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bystander.py", "config.json"]


def test_10_parameters_can_be_selected_by_name() -> None:
    sampler = MultiTaskEpochSampler.from_params(params={"type": "proportional", "alpha": 0.5})
    assert sampler.get_task_proportions({"a": 9}) == {"a": 3.0}
    with pytest.raises(ConfigurationError, match="alhpa"):
        bind(MultiTaskEpochSampler, {"type": "proportional", "alhpa": 0.5})


@pytest.mark.parametrize(
    ("scheme", "gold", "predicted", "f1", "lenient"),
    [
        ("BMES", "B-X E-X O S-X", "M-X E-X O S-X", 2 / 3, 2 / 3),
        ("BMES", "B-X M-X E-X O", "B-X M-X M-X O", 0.0, 0.0),
        ("BIOES", "B-X I-X E-X O", "B-X E-X S-X O", 0.0, 1.0),
        ("BIO", "B-X I-X O B-X", "I-X I-X O B-X", 2 / 3, 2 / 3),
        ("BIOES", "O O O O", "O O O O", 0.0, 0.0),
    ],
)
def test_11_scores_are_strict_plain_floats_without_warnings(
    scheme: str, gold: str, predicted: str, f1: float, lenient: float
) -> None:
    labels, table = get_scheme(scheme).labels(["X"]), TagTable.of(get_scheme(scheme), ["X"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, expected = (
            strict_spans(
                np.array([labels.index(tag) for tag in tags.split()]), sentence_offsets([4]), table
            )
            for tags in (predicted, gold)
        )
        scores = entity_scores(found, expected, ["X"])
    assert (scores["f1"], scores["lenient_f1"]) == (f1, lenient)
    assert {type(value) for value in scores.values()} == {float}


def test_12_the_crf_has_a_loss_per_sentence_and_decodes_no_illegal_tags() -> None:
    scheme = get_scheme("BIO")
    labels = scheme.labels(["X", "Y"])
    crf = ConditionalRandomField(
        len(labels), *(torch.from_numpy(mask) for mask in scheme.transitions(labels))
    )
    paths = torch.tensor(list(itertools.product(range(len(labels)), repeat=4)))
    emissions = torch.randn(1, 4, len(labels), generator=torch.Generator().manual_seed(0)).expand(
        len(paths), -1, -1
    )
    mask = torch.ones(len(paths), 4, dtype=torch.bool)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nll = crf(emissions, paths, mask)
        # An empty sentence: its first position is masked.
        empty = crf(emissions[:2], paths[:2], torch.tensor([[False] * 4, [True] * 4]))
    assert nll.shape == (len(paths),) and empty.tolist() == [0.0, nll[1].item()]
    legal = torch.tensor(
        [not scheme.illegal([labels[tag] for tag in path]) for path in paths.tolist()]
    )
    assert torch.equal(nll.isinf(), ~legal) and 0 < legal.sum() < len(paths)
    torch.testing.assert_close(nll[legal].neg().exp().sum(), torch.tensor(1.0))
