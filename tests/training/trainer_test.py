"""The training loop: optimizer steps, early stopping, saved weights."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from tqdm import tqdm

from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.common.schema import Lazy
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training import step_progress
from ner_adv_plugin.training import trainer as trainer_module
from ner_adv_plugin.training.callbacks import TrainerCallback
from ner_adv_plugin.training.optimization.optimizers import Optimizer
from ner_adv_plugin.training.trainer import Trainer
from ner_adv_plugin.training.training_run import TrainingRun
from tests.tiny import assert_same_weights, learnt, model_and_loader, tiny_config, weights

NO_DROPOUT = {
    "model__encoder__dropout": 0.0,
    "model__head__dropout": 0.0,
    "model__objectives": [{"type": "domain_adversarial", "dropout": 0.0}],
}


class Script(Evaluator):
    """An evaluator with predefined metrics."""

    def __init__(self, values: Sequence[float] = ()) -> None:
        self.by_head: dict[str, list[EncodedDataset]] = {"weibo": []}
        self.values = iter(values)

    def metric_names(self) -> list[str]:
        return ["f1"]

    def evaluate(self, model: Model, description: str = "validating") -> dict[str, float]:
        return {"f1": next(self.values)}


class Joined(DataLoader):
    """A loader that joins batches of another loader."""

    def __init__(self, loader: DataLoader, count: int) -> None:
        self.loader, self.count = loader, count
        self._sentences, self._updates = loader._sentences, {}

    def __len__(self) -> int:
        return -(-len(self.loader) // self.count)

    def plan(self, epoch: int, num_epochs: int = 1) -> list[Any]:
        plan = self.loader.plan(epoch, num_epochs)
        return [sum(plan[i : i + self.count], []) for i in range(0, len(plan), self.count)]

    def batches(self, planned: Any, rank: int = 0, world_size: int = 1) -> Any:
        return self.loader.batches(planned, rank, world_size)

    def batches_per_epoch(self, num_epochs: int) -> list[int]:
        return [len(self)] * num_epochs

    def update_from_epoch_metrics(self, metrics: Any) -> None:
        self.loader.update_from_epoch_metrics(metrics)

    def state_dict(self) -> dict[str, Any]:
        return self.loader.state_dict()


class Watch(TrainerCallback):
    """Record gradients and statistics of every step, and weights of every epoch."""

    def __init__(self, serialization_dir: str = "") -> None:
        super().__init__(serialization_dir)
        self.gradients: list[list[torch.Tensor]] = []
        self.statistics: list[Statistics] = []
        self.epochs: list[dict[str, torch.Tensor]] = []

    def on_backward(self, trainer: TrainingRun, batch_metrics: Statistics) -> None:
        parameters = [p for p in trainer.model.parameters() if p.requires_grad]
        self.gradients.append(
            [torch.zeros(()) if p.grad is None else p.grad.clone() for p in parameters]
        )
        self.statistics.append(dict(batch_metrics))

    def on_epoch(self, trainer: TrainingRun, metrics: dict[str, Any], epoch: int) -> None:
        self.epochs.append(
            {name: value.clone() for name, value in trainer.model.state_dict().items()}
        )


def sgd(lr: float) -> Any:
    return Lazy[Optimizer](lambda supplied: Optimizer.by_name("sgd")(**supplied, lr=lr))


def make(
    folder: Path,
    config: dict[str, Any],
    join: int = 1,
    values: Sequence[float] = (0.0,),
    **settings: Any,
) -> tuple[Trainer, Watch]:
    """Make a trainer of a config's model and data, and the callback that watches it.

    By default it trains one epoch of plain gradient descent.
    """
    model, loader = model_and_loader(config)
    folder.mkdir(exist_ok=True)
    watch = Watch()
    chosen = {
        "num_epochs": 1,
        "validation_metric": "+f1",
        "optimizer": sgd(0.5),
        "cuda_device": -1,
        **settings,
    }
    loader = Joined(loader, join) if join > 1 else loader
    callbacks = [Lazy[TrainerCallback](lambda supplied: watch)]
    return Trainer(model, loader, Script(values), str(folder), callbacks=callbacks, **chosen), watch


def norm(gradients: list[torch.Tensor]) -> float:
    return torch.linalg.vector_norm(torch.cat([g.flatten() for g in gradients])).item()


def test_stops_after_patience_and_keeps_the_best(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer, watch = make(tmp_path, tiny_config(), values=[1, 3, 2, 3, 9], num_epochs=5, patience=2)
    with caplog.at_level("INFO"):
        metrics = trainer.train()
    assert "stopped after 4 of 5 epochs: patience 2 is used up" in caplog.messages
    assert (metrics["epoch"], metrics["best_epoch"], metrics["best_validation_f1"]) == (3, 1, 3)
    best = weights(tmp_path / "best.th")
    assert all(torch.equal(best[name], value) for name, value in watch.epochs[1].items())
    assert any(not torch.equal(best[name], value) for name, value in watch.epochs[3].items())
    assert sorted(path.name for path in tmp_path.glob("metrics_epoch_*")) == [
        f"metrics_epoch_{i}.json" for i in range(4)
    ]
    assert json.loads((tmp_path / "metrics_epoch_3.json").read_text()) == metrics


@pytest.mark.parametrize("normalize_by", ["characters", "sentences"])
def test_accumulated_batches_equal_one_batch_of_their_sentences(
    tmp_path: Path, normalize_by: str
) -> None:
    # 80 sentences are seven batches of 12: the last step has one micro-batch.
    config = tiny_config(
        data_loader__batch_size=12, model__head__normalize_by=normalize_by, **NO_DROPOUT
    )
    runs = [
        make(tmp_path / "one", config, num_gradient_accumulation_steps=2),
        make(tmp_path / "two", config, join=2),
    ]
    assert [trainer.total_steps for trainer, _ in runs] == [4, 4]
    for trainer, _ in runs:
        trainer.train()
    (accumulated, watch), (joined, other) = runs
    assert len(watch.gradients) == len(other.gradients) == 4
    for ours, theirs in zip(watch.gradients, other.gradients, strict=True):
        for mine, its in zip(ours, theirs, strict=True):
            torch.testing.assert_close(mine, its, rtol=1e-3, atol=1e-5 * norm(theirs))
    for name, value in joined.model.state_dict().items():
        torch.testing.assert_close(
            accumulated.model.state_dict()[name], value, rtol=1e-4, atol=1e-5
        )
    for name in (
        "training_weibo_loss",
        "training_msr_loss",
        "training_loss",
        "training_discriminator_accuracy",
    ):
        assert accumulated.metrics[name] == pytest.approx(joined.metrics[name], rel=1e-4), name


def test_gradients_are_clipped_to_a_norm(tmp_path: Path) -> None:
    free, before = make(tmp_path / "free", tiny_config(**NO_DROPOUT), optimizer=sgd(0.0))
    free.train()
    limit = norm(before.gradients[0]) / 3
    clipped, after = make(
        tmp_path / "clipped", tiny_config(**NO_DROPOUT), optimizer=sgd(0.0), grad_norm=limit
    )
    clipped.train()
    for old, new, statistics in zip(
        before.gradients, after.gradients, after.statistics, strict=True
    ):
        assert float(statistics["gradient_norm"][0]) == pytest.approx(norm(old), rel=1e-4)
        factor = min(1.0, limit / norm(old))
        for one, other in zip(old, new, strict=True):
            torch.testing.assert_close(other, one * factor, rtol=1e-3, atol=1e-6)
    assert norm(after.gradients[0]) == pytest.approx(limit, rel=1e-4)


def test_gradient_entries_are_clipped(tmp_path: Path) -> None:
    free, before = make(tmp_path / "free", tiny_config(**NO_DROPOUT), optimizer=sgd(0.0))
    clipped, after = make(
        tmp_path / "clipped", tiny_config(**NO_DROPOUT), optimizer=sgd(0.0), grad_clipping=1e-3
    )
    free.train()
    clipped.train()
    for one, other in zip(before.gradients[0], after.gradients[0], strict=True):
        torch.testing.assert_close(other, one.clamp(-1e-3, 1e-3))


def test_frozen_parameters_keep_their_values(tmp_path: Path) -> None:
    trainer, watch = make(tmp_path, tiny_config(), no_grad=[r"^encoder\.", "msra.*bias"])
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    frozen = {name for name, p in trainer.model.named_parameters() if not p.requires_grad}
    assert {
        name
        for name in before
        if name.startswith("encoder.") or ("msra" in name and "bias" in name)
    } == frozen
    assert frozen > {"encoder.embedding.weight", "heads.msra.projection.bias"}
    trainer.train()
    kept = {name for name, value in watch.epochs[0].items() if torch.equal(value, before[name])}
    assert frozen <= kept and "towers.shared._module.weight_ih_l0" not in kept


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"no_grad": ["("]}, r'no_grad.0: "\(" is not a regular expression'),
        ({"no_grad": [""]}, "no_grad: .*no parameter"),
        ({"num_epochs": 0}, "num_epochs"),
        ({"num_gradient_accumulation_steps": 0}, "num_gradient_accumulation_steps"),
        ({"precision": "fp16"}, "precision"),
        ({"cuda_device": 99}, "cuda_device: GPU 99 is not available"),
        (
            {"validation_metric": "+f2"},
            'validation_metric: no metric "f2". Did you mean "f1".* Known: f1',
        ),
    ],
)
def test_invalid_settings(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make(tmp_path, tiny_config(), **settings)


def test_a_pattern_that_freezes_nothing_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path, tiny_config(), no_grad=["encodr"])
    assert 'trainer.no_grad: "encodr" matches no parameter' in caplog.text


def test_a_metric_of_a_type_that_is_not_in_the_data_is_unknown(tmp_path: Path) -> None:
    config = tiny_config(trainer__validation_metric="+weibo_f1_PER.NOUN")
    with pytest.raises(ConfigurationError) as caught:
        train_model(config, tmp_path)
    assert caught.value.path == "trainer.validation_metric"
    for fragment in (
        'no metric "weibo_f1_PER.NOUN".',
        'Did you mean "weibo_f1_PER.NOM"?',
        "weibo_precision",
        "loss",
    ):
        assert fragment in str(caught.value)


def test_without_validation_data_the_last_weights_are_kept(tmp_path: Path) -> None:
    config = tiny_config(trainer__num_epochs=2)
    del config["validation_data_path"], config["trainer"]["validation_metric"]
    metrics = train_model(config, tmp_path)
    assert metrics["best_epoch"] == 1 and "test_weibo_f1" in metrics
    assert_same_weights(tmp_path / "best.th", tmp_path / "checkpoints" / "model_state_e2_b0.th")


def test_the_same_config_and_seed_give_the_same_weights(tmp_path: Path) -> None:
    config = tiny_config(trainer__num_epochs=2)
    first = train_model(config, tmp_path / "first")
    again = train_model(config, tmp_path / "again")
    assert learnt(first) == learnt(again)
    assert_same_weights(tmp_path / "first" / "best.th", tmp_path / "again" / "best.th")
    assert (tmp_path / "first" / "model.tar.gz").read_bytes() == (
        tmp_path / "again" / "model.tar.gz"
    ).read_bytes()


@pytest.mark.parametrize("seed", ["random_seed", "pytorch_seed"])
def test_another_seed_gives_other_weights(tmp_path: Path, seed: str) -> None:
    losses = [
        train_model(tiny_config(trainer__num_epochs=1, **{seed: value}), tmp_path / str(value))[
            "training_loss"
        ]
        for value in (1, 2)
    ]
    assert losses[0] != losses[1]


def types_in(model: Model, module: str) -> list[torch.dtype]:
    """Return a list to which each call of a module adds the dtypes of its input and output."""
    seen: list[torch.dtype] = []
    model.get_submodule(module).register_forward_hook(
        lambda _, arguments, output: seen.extend([arguments[0].dtype, output.dtype])
    )
    return seen


def test_bf16_leaves_weights_and_heads_in_float32(tmp_path: Path) -> None:
    trainer, _ = make(tmp_path / "bf16", tiny_config(**NO_DROPOUT), precision="bf16")
    modules = ["objectives.0.discriminator", "heads.weibo.projection", "heads.weibo.crf"]
    layers, projection, crf = (types_in(trainer.model, name) for name in modules)
    metrics = trainer.train()
    assert set(layers[1::2]) == {torch.bfloat16}
    assert set(projection) == set(crf) == {torch.float32}
    assert {value.dtype for value in weights(tmp_path / "bf16" / "best.th").values()} == {
        torch.float32
    }
    reference, _ = make(tmp_path / "fp32", tiny_config(**NO_DROPOUT), precision="fp32")
    layers = types_in(reference.model, modules[0])
    expected = reference.train()
    # The precision of one run does not affect the next.
    assert set(layers) == {torch.float32}
    assert metrics["training_loss"] == pytest.approx(expected["training_loss"], rel=0.02)
    assert metrics["training_loss"] != expected["training_loss"]


def test_trains_and_scores_in_bf16_from_a_config(tmp_path: Path) -> None:
    metrics = train_model(tiny_config(trainer__precision="bf16", trainer__num_epochs=1), tmp_path)
    assert metrics["training_loss"] > 0 and "test_weibo_f1" in metrics


def test_default_trainer() -> None:
    assert (
        Trainer.by_name("gradient_descent")
        is Trainer.by_name(Trainer.default_implementation)
        is Trainer
    )


def test_a_moving_average_is_validated_and_saved_but_not_trained(tmp_path: Path) -> None:
    settings = {"trainer__num_epochs": 2, "trainer__validation_metric": "-weibo_loss"}
    plain = train_model(tiny_config(**settings), tmp_path / "plain")
    average = {"type": "exponential", "decay": 0.5}
    averaged = train_model(
        tiny_config(**settings, trainer__moving_average=average), tmp_path / "averaged"
    )
    assert averaged["training_loss"] == plain["training_loss"]
    assert averaged["validation_loss"] != plain["validation_loss"]
    last = "checkpoints/model_state_e2_b0.th"
    assert_same_weights(tmp_path / "plain" / last, tmp_path / "averaged" / last)
    state = torch.load(tmp_path / "averaged" / last.replace("model", "training"), weights_only=True)
    kept = state["moving_average"]["averages"]
    best = weights(tmp_path / "averaged" / "best.th")
    assert averaged["best_epoch"] == 1
    assert all(torch.equal(kept[name], best[name]) for name in kept)


def test_use_amp_is_half_precision(tmp_path: Path) -> None:
    amp = train_model(tiny_config(trainer__num_epochs=1, trainer__use_amp=True), tmp_path / "amp")
    bf16 = train_model(
        tiny_config(trainer__num_epochs=1, trainer__precision="bf16"), tmp_path / "bf16"
    )
    assert learnt(amp) == learnt(bf16)
    with pytest.raises(ConfigurationError, match=r"^trainer\.use_amp: duplicates precision"):
        train_model(
            tiny_config(trainer__precision="bf16", trainer__use_amp=True), tmp_path / "both"
        )


def test_a_console_logger_of_the_config_is_the_only_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    train_model(tiny_config(trainer__num_epochs=1, trainer__callbacks=["console_logger"]), tmp_path)
    assert sum(record.getMessage().startswith("epoch 1 of 1") for record in caplog.records) == 1


def diverging(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    """Let weights be no numbers from the end of an epoch on, counted from 0."""
    begin = Trainer._begin_epoch

    def spoiled(trainer: Trainer) -> None:
        begin(trainer)
        if trainer.epoch == epoch:
            for parameter in trainer.model.parameters():
                parameter.data.fill_(torch.nan)

    monkeypatch.setattr(Trainer, "_begin_epoch", spoiled)


def test_a_run_that_diverges_stops_and_keeps_the_best_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    train_model(tiny_config(trainer__num_epochs=2), tmp_path / "expected")
    diverging(monkeypatch, epoch=2)
    metrics = train_model(tiny_config(trainer__num_epochs=9), tmp_path / "run")
    assert metrics["training_epochs"] == 3 and metrics["best_epoch"] < 2
    assert "epoch 3: the training loss is nan: training stops" in caplog.text
    assert_same_weights(tmp_path / "run/best.th", tmp_path / "expected/best.th")
    assert (tmp_path / "run/model.tar.gz").is_file()


def test_a_run_that_diverges_at_once_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diverging(monkeypatch, epoch=0)
    with pytest.raises(UserError, match="epoch 1: the training loss is nan. Lower the learning"):
        train_model(tiny_config(), tmp_path)
    assert not (tmp_path / "model.tar.gz").exists()


@pytest.mark.parametrize("interval", [0.0, 1000.0])
def test_losses_are_read_only_for_a_bar_that_is_redrawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interval: float
) -> None:
    """On a GPU, each reading waits for all earlier work."""
    shown = io.StringIO()
    averages = Mock(wraps=step_progress.averages)
    monkeypatch.setattr(step_progress, "averages", averages)
    monkeypatch.setattr(
        trainer_module,
        "progress_bar",
        lambda total, *_, **__: tqdm(total=total, mininterval=interval, miniters=1, file=shown),
    )

    train_model(tiny_config(trainer__num_epochs=1), tmp_path)

    if interval:
        averages.assert_not_called()
        assert "5/5" in shown.getvalue()
    else:
        assert averages.call_count == 5
        assert "weibo_loss=" in shown.getvalue()
