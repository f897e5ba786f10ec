"""Batches cut into micro-batches, against the whole batch; the estimate of memory."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from ner_adv_plugin.commands import main
from ner_adv_plugin.common import memory as machine
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.memory import memory_of
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.statistics import averages
from ner_adv_plugin.runs import foreseen
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.foreseen import foreseen_memory
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.engine import Engine
from ner_adv_plugin.training.memory import cut, default_tokens, numbers_per_token, peak_bytes
from ner_adv_plugin.training.steps.plain import PlainStep
from ner_adv_plugin.training.steps.step import TrainingStep
from tests.models.building import batch_for, build_model
from tests.modules.examples import vocabulary
from tests.tiny import assert_same_weights, learnt, single_task_config, tiny_config, write_config

OBJECTIVES: list[dict[str, Any]] = [
    {"type": "domain_adversarial", "dropout": 0.0, "weight": 0.3},
    {"type": "domain_adversarial", "dropout": 0.0, "discriminates": "task", "pooling": "mean"},
    {"type": "orthogonality", "reads": ["shared", "weibo", "msra", "msr"], "weight": 0.2},
]


def gradients(
    step: TrainingStep, model: Model, batches: list[Batch]
) -> tuple[dict[str, torch.Tensor], float, dict[str, float]]:
    """Return the gradients that a step computes, its loss and its statistics."""
    engine = Engine(model, "fp32", -1)
    engine.prepare(torch.optim.SGD(model.parameters(), 0.1))
    model.zero_grad()
    loss, statistics = step.run(engine, batches, 0.5)
    own = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return own, float(loss), averages(statistics)


@pytest.mark.parametrize("most", [1, 9, 14, 30])
@pytest.mark.parametrize("weighting", ["fixed", "uncertainty"])
def test_micro_batches_have_the_loss_and_gradient_of_the_batch(most: int, weighting: str) -> None:
    vocab = vocabulary()
    model = build_model(
        "adversarial",
        vocab,
        objectives=OBJECTIVES,
        loss_weighting={"type": weighting},
    ).double()
    batch = batch_for(vocab, targets_of=model.targets)
    pieces = cut([batch], most)
    assert len(pieces) > 1
    whole, in_pieces = (gradients(PlainStep(), model, own) for own in ([batch], pieces))
    assert_close(in_pieces[0], whole[0])
    assert in_pieces[1] == pytest.approx(whole[1])
    ratio = "positions_per_character"
    assert {**in_pieces[2], ratio: 0} == pytest.approx({**whole[2], ratio: 0})


@given(
    lengths=st.lists(st.integers(0, 30), max_size=12).map(lambda own: sorted(own, reverse=True)),
    most=st.integers(1, 100),
)
def test_pieces_are_the_sentences_in_order_and_within_the_limit(
    lengths: list[int], most: int
) -> None:
    longest = max(lengths, default=0)
    lengths_B = torch.tensor(lengths, dtype=torch.long)
    count = len(lengths)
    batch = Batch(
        token_ids_BL=torch.zeros(count, longest, dtype=torch.long),
        mask_BL=torch.arange(longest) < lengths_B[:, None],
        lengths_B=lengths_B,
        domain_B=lengths_B,
        weights_B=lengths_B.float(),
        lengths=lengths,
        heads=[None] * count,
        datasets=["d"] * count,
        domains=[0] * count,
        sentence_ids=list(range(count)),
        total=77,
    )
    pieces = cut([batch], most)
    assert [i for piece in pieces for i in piece.sentence_ids] == list(range(count))
    assert all(piece.total == 77 for piece in pieces)
    for piece in pieces:
        assert len(piece) <= 1 or piece.token_ids_BL.numel() <= most
    if count * longest <= most:
        assert pieces[0] is batch


def test_a_batch_that_fits_trains_the_same_bit_for_bit(tmp_path: Path) -> None:
    """With dropout: one more draw would change everything."""
    for name, settings in (("default", {}), ("limit", {"trainer__max_tokens_per_pass": 100_000})):
        config = tiny_config(trainer__num_epochs=1, evaluate_on_test=False, **settings)
        (tmp_path / name).mkdir()
        train_model(config, tmp_path / name)
    assert_same_weights(tmp_path / "default" / "best.th", tmp_path / "limit" / "best.th")


def test_a_cut_run_without_dropout_learns_the_same(tmp_path: Path) -> None:
    found = []
    for limit in (None, 60):
        config = single_task_config(
            trainer__num_epochs=1,
            trainer__max_tokens_per_pass=limit,
            model__encoder__dropout=0.0,
            model__head__dropout=0.0,
            evaluate_on_test=False,
        )
        (tmp_path / str(limit)).mkdir()
        found.append(learnt(train_model(config, tmp_path / str(limit))))
    assert found[0]["training_loss"] == pytest.approx(found[1]["training_loss"], rel=1e-4)


@pytest.mark.parametrize("objective", ["mmd", "coral"])
def test_objectives_of_whole_batches_are_not_cut(objective: str) -> None:
    config = tiny_config(model__objectives=[{"type": objective}])
    checked_job(config)
    config["trainer"]["max_tokens_per_pass"] = 100
    with pytest.raises(ConfigurationError, match="compares the sentences of a whole batch") as info:
        checked_job(config)
    assert "trainer.max_tokens_per_pass" in str(info.value)


def test_the_limit_is_positive() -> None:
    with pytest.raises(ConfigurationError, match="max_tokens_per_pass: expected 1 or more"):
        checked_job(tiny_config(trainer__max_tokens_per_pass=0))


def test_default_limit_follows_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    model, device = torch.nn.Linear(100, 100), torch.device("cpu")
    from ner_adv_plugin.training import memory

    found = []
    for gigabytes in (4, 8):
        monkeypatch.setattr(memory, "memory_of", lambda _, size=gigabytes: size << 30)
        found.append(default_tokens(model, device))
        assert peak_bytes(10_100, numbers_per_token(model), found[-1]) == pytest.approx(
            gigabytes * 2**29, rel=1e-3
        )
    assert found[0] < found[1]


def test_memory_respects_the_limit_of_the_cgroup(tmp_path: Path) -> None:
    cpu = torch.device("cpu")
    everything = memory_of(cpu, tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_of(cpu, tmp_path) == everything
    (tmp_path / "memory.max").write_text("123456789\n")
    assert memory_of(cpu, tmp_path) == 123456789
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("4096\n")
    assert memory_of(cpu, tmp_path) == 4096


def test_freed_memory_is_returned_to_the_system() -> None:
    """Small blocks between ones that stay are kept by malloc until it is asked."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    kept = [torch.ones(1 << 14) for _ in range(4000)]
    before = resident()
    del kept[::2]
    machine.release_memory()
    assert before - resident() > 0.7 * 2000 * (4 << 14)


@pytest.mark.parametrize("interval", [0, 1000])
def test_memory_is_released_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interval: int
) -> None:
    calls = []
    monkeypatch.setattr(machine, "RELEASE_INTERVAL", interval)
    monkeypatch.setattr(machine, "release_memory", lambda: calls.append(1))
    train_model(single_task_config(trainer__num_epochs=2, evaluate_on_test=False), tmp_path)
    # Three steps and one end per epoch.
    assert len(calls) == (0 if interval else 2 * (3 + 1))


def test_dry_run_foresees_the_peak(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", write_config(tmp_path / "c.json", tiny_config()), "--dry-run"])
    printed = capsys.readouterr()
    assert json.loads(printed.out)["trainer"]["max_tokens_per_pass"] is None
    assert "peak memory foreseen: " in printed.err
    assert "passes of 8192 tokens (sentences of 512 characters)" in printed.err


def test_foreseen_peak_is_that_of_the_largest_pass() -> None:
    def passes(**settings: Any) -> str:
        return foreseen_memory(checked_job(tiny_config(**settings)))

    assert "passes of 3200 tokens" in passes(data_loader__max_length=200)
    assert "passes of 1000 tokens" in passes(trainer__max_tokens_per_pass=1000)
    # A single sentence is not cut.
    assert "passes of 512 tokens" in passes(trainer__max_tokens_per_pass=10)


def test_foreseen_peak_counts_the_towers_of_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    monkeypatch.setattr(
        foreseen, "peak_bytes", lambda parameters, numbers, tokens: found.append(numbers) or 0
    )
    for settings in (
        {"model__type": "hard_sharing"},
        {"model__type": "adversarial"},
        {"model__type": "mmoe", "model__num_experts": 5},
        {"model__type": "ple"},
        {"model__type": "cross_stitch", "model__num_layers": 2},
    ):
        foreseen_memory(checked_job(tiny_config(**settings)))
    embedding, tower = 4 * 24, 10 * 2 * 16
    # Two levels of "ple": four experts at the first, the own and the shared one at the second.
    assert found == [embedding + count * tower for count in (1, 2, 5, 6, 6)]
