"""Recurrence of several LSTMs against torch, which runs one after another."""

import copy
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

from ner_adv_plugin.models import tower_states
from ner_adv_plugin.modules.towers import run_together, run_tower
from ner_adv_plugin.modules.towers.joint_lstms import run_lstms
from tests.models.building import batch_for, build_model
from tests.modules.examples import mixed_batch, vocabulary
from tests.modules.towers.tower_test import TOWERS, tower_of

LSTM: dict[str, Any] = {"type": "lstm", "hidden_size": 4, "bidirectional": True}
VOCAB = vocabulary()
TOLERANCE = {
    torch.float32: {"rtol": 1e-4, "atol": 1e-5},
    torch.float64: {"rtol": 1e-10, "atol": 1e-12},
}


def by_torch(
    lstms: Sequence[torch.nn.LSTM],
    states_BLD: Tensor,
    lengths: Sequence[int],
    sequences: Sequence[Sequence[int]],
) -> list[Tensor]:
    """See `run_lstms`: each LSTM over a packed sequence."""
    found = []
    for lstm, sequence_ids in zip(lstms, sequences, strict=True):
        if not sequence_ids:
            found.append(states_BLD.new_zeros(0, 0, 2 * lstm.hidden_size))
            continue
        packed = pack_padded_sequence(
            states_BLD[list(sequence_ids)],
            [lengths[sequence] for sequence in sequence_ids],
            batch_first=True,
            enforce_sorted=False,
        )
        found.append(pad_packed_sequence(lstm(packed)[0], batch_first=True)[0])
    return found


def make(
    count: int, inputs: int, hidden: int, dtype: torch.dtype = torch.float64
) -> list[torch.nn.LSTM]:
    return [
        torch.nn.LSTM(inputs, hidden, batch_first=True, bidirectional=True, dtype=dtype)
        for _ in range(count)
    ]


def parameters(lstms: Sequence[torch.nn.LSTM]) -> list[Tensor]:
    return [parameter for lstm in lstms for parameter in lstm.parameters()]


def weighted(states: Sequence[Tensor]) -> Tensor:
    """Scalar in which every state has a different weight."""
    flat = torch.cat([tensor.flatten() for tensor in states])
    return (flat * torch.linspace(-1, 1, len(flat), dtype=flat.dtype).sin()).sum()


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[int], list[list[int]]]:
    """Lengths in descending order, and the sequences of some towers.

    A tower may have a single sequence or none.
    """
    lengths = sorted(draw(st.lists(st.integers(1, 9), min_size=1, max_size=6)), reverse=True)
    sequences_of_tower = st.sets(st.integers(0, len(lengths) - 1)).map(sorted)
    return lengths, draw(st.lists(sequences_of_tower, min_size=1, max_size=4))


@settings(max_examples=60)
@given(
    case=cases(),
    inputs=st.integers(1, 5),
    hidden=st.integers(1, 4),
    dtype=st.sampled_from([*TOLERANCE]),
)
def test_states_and_gradients_equal_torch(
    case: tuple[list[int], list[list[int]]], inputs: int, hidden: int, dtype: torch.dtype
) -> None:
    lengths, sequences = case
    lstms = make(len(sequences), inputs, hidden, dtype)
    states = torch.randn(len(lengths), lengths[0], inputs, dtype=dtype, requires_grad=True)
    ours, theirs = (run(lstms, states, lengths, sequences) for run in (run_lstms, by_torch))
    assert [tensor.shape for tensor in ours] == [tensor.shape for tensor in theirs]
    assert_close(ours, theirs, **TOLERANCE[dtype])
    if any(sequences):
        known = [states, *parameters(lstms)]
        gradients = [
            torch.autograd.grad(weighted(tensor), known, allow_unused=True)
            for tensor in (ours, theirs)
        ]
        for gradient, expected in zip(*gradients, strict=True):
            # The reference does not run an LSTM without sequences.
            if expected is None:
                expected = torch.zeros_like(gradient)
            assert_close(gradient, expected, **TOLERANCE[dtype])


BY_DIFFERENCES = [([3, 2, 1], [[0, 1, 2], [1]]), ([1], [[0]]), ([1, 1], [[1], [], [0, 1]])]


@pytest.mark.parametrize(("lengths", "sequences"), BY_DIFFERENCES)
def test_gradients_by_finite_differences(lengths: list[int], sequences: list[list[int]]) -> None:
    lstms = make(len(sequences), 2, 2)
    states = torch.randn(len(lengths), lengths[0], 2, dtype=torch.float64, requires_grad=True)

    def run(states: Tensor, *_: Tensor) -> tuple[Tensor, ...]:
        return tuple(
            tensor for tensor in run_lstms(lstms, states, lengths, sequences) if tensor.numel()
        )

    assert torch.autograd.gradcheck(run, (states, *parameters(lstms)))


def test_long_and_short_sequences() -> None:
    lengths, sequences = [700, 3, 1], [[0, 1, 2], [1, 2]]
    lstms = make(2, 3, 4, torch.float32)
    states = torch.randn(3, 700, 3)
    found = run_lstms(lstms, states, lengths, sequences)
    assert_close(found, by_torch(lstms, states, lengths, sequences), **TOLERANCE[torch.float32])
    alone = run_lstms(lstms[1:], states[2:, :1], [1], [[0]])[0]
    assert_close(found[1][1:, :1], alone)
    assert not found[1][1, 1:].any()


def test_backward_twice_through_one_graph() -> None:
    """Neither inputs nor what is saved for the backward pass is modified."""
    lengths, sequences = [5, 3, 3], [[0, 1, 2], [1], [0, 2]]
    lstms = make(3, 3, 2)
    states = torch.randn(3, 5, 3, dtype=torch.float64, requires_grad=True)
    known = [states, *parameters(lstms)]
    before = copy.deepcopy([tensor.detach() for tensor in known])
    inputs = 2 * states
    copied_inputs = inputs.detach().clone()
    found = run_lstms(lstms, inputs, lengths, sequences)
    values = copy.deepcopy([tensor.detach() for tensor in found])
    upstream = [torch.randn_like(tensor) for tensor in found]
    copied_upstream = copy.deepcopy(upstream)
    first, second = (
        torch.autograd.grad(found, known, upstream, retain_graph=True) for _ in range(2)
    )
    assert all(map(torch.equal, first, second))
    # A backward pass of one tower in between.
    torch.autograd.grad(found[1].sum(), known, retain_graph=True, allow_unused=True)
    assert all(map(torch.equal, first, torch.autograd.grad(found, known, upstream)))
    assert all(map(torch.equal, upstream, copied_upstream)) and all(map(torch.equal, found, values))
    assert all(map(torch.equal, known, before)) and torch.equal(inputs, copied_inputs)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(found, known, upstream)


def test_second_derivatives_are_refused() -> None:
    states = torch.randn(1, 2, 3, dtype=torch.float64, requires_grad=True)
    found = run_lstms(make(1, 3, 2), states, [2], [[0]])[0]
    (gradient,) = torch.autograd.grad(found.square().sum(), states, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_deterministic() -> None:
    lengths, sequences = [9, 9, 4, 1], [[0, 1, 2, 3], [0, 3], [1, 2]]
    lstms = make(3, 6, 5, torch.float32)
    states = torch.randn(4, 9, 6, requires_grad=True)
    runs = []
    for _ in range(2):
        found = run_lstms(lstms, states, lengths, sequences)
        runs.append([*found, *torch.autograd.grad(weighted(found), [states, *parameters(lstms)])])
    assert all(map(torch.equal, *runs))


PLAIN = [LSTM, {**LSTM, "dropout": 0.0}]
OTHERS = [
    *TOWERS,
    {"type": "lstm", "hidden_size": 4},
    {**LSTM, "num_layers": 2},
    {**LSTM, "bias": False},
    {"type": "self_attention", "tower": LSTM, "num_heads": 2},
]


@pytest.mark.filterwarnings("ignore")  # torch warns about how allennlp-light builds its towers
def test_towers_that_run_together() -> None:
    batch = mixed_batch(VOCAB, {"weibo": [5, 2], "msr": [4]})
    states = torch.randn(3, 5, 6)
    towers = {
        f"{index}": tower_of(config)
        for index, config in enumerate([*PLAIN, {**LSTM, "hidden_size": 3}])
    }
    others = {f"other {index}": tower_of(config) for index, config in enumerate(OTHERS)}
    others["hooked"] = tower_of(LSTM)
    others["bfloat16"] = tower_of(LSTM).bfloat16()
    others["hooked"].register_forward_hook(lambda *_: None)
    sequences = {name: [0, 1, 2] for name in others} | {"0": [0, 1, 2], "1": [1, 2], "2": [2]}
    found = run_together(towers | others, states, batch, sequences)
    assert set(found) == set(towers)
    for name, result in found.items():
        selected = batch.select(sequences[name])
        inputs = states[sequences[name], : selected.lengths[0]]
        expected = run_tower(towers[name], inputs, batch, sequences[name])
        assert_close(result.states_BLD, expected.states_BLD)
        assert result.sequences == sequences[name] and result.batch.lengths == selected.lengths
    for without in (torch.no_grad(), torch.inference_mode()):
        with without:
            assert run_together(towers, states, batch, sequences) == {}


def test_full_precision_under_autocast() -> None:
    batch, tower = mixed_batch(VOCAB, {"weibo": [5, 2]}), tower_of(LSTM)
    states = torch.randn(2, 5, 6, dtype=torch.bfloat16, requires_grad=True)
    sequences = {"shared": [0, 1]}
    expected = run_together({"shared": tower}, states.float(), batch, sequences)[
        "shared"
    ].states_BLD
    with torch.autocast("cpu", torch.bfloat16):
        found = run_together({"shared": tower}, states, batch, sequences)["shared"].states_BLD
    assert found.dtype == torch.float32 and torch.equal(found, expected)
    found.sum().backward()
    assert states.grad is not None and states.grad.dtype == torch.bfloat16 and states.grad.any()


@torch.inference_mode()
def test_inference() -> None:
    lengths, sequences = [5, 2, 1], [[0, 1, 2], [2]]
    lstms, states = make(2, 3, 4), torch.randn(3, 5, 3, dtype=torch.float64)
    assert_close(
        run_lstms(lstms, states, lengths, sequences), by_torch(lstms, states, lengths, sequences)
    )


MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "crf_tagger": ("crf_tagger", {}),
    "hard_sharing": ("hard_sharing", {}),
    "adversarial": ("adversarial", {}),
    "two sizes": ("adversarial", {"towers": {"msra": {**LSTM, "hidden_size": 2}}}),
    "another tower": ("adversarial", {"towers": {"msr": {"type": "gru", "hidden_size": 3}}}),
    "towers that read towers": (
        "adversarial",
        {"inputs": {"msra": ["encoder", "shared"], "weibo": ["msr"]}},
    ),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("training", [True, False])
def test_model_is_the_same_with_and_without(
    name: str, training: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_type, model_settings = MODELS[name]
    vocab = vocabulary("weibo") if model_type == "crf_tagger" else VOCAB
    model, batch = (
        build_model(model_type, vocab, **model_settings).train(training),
        batch_for(vocab),
    )
    together: list[set[str]] = []

    def recording(*arguments: Any) -> Any:
        found = run_together(*arguments)
        together.append(set(found))
        return found

    results = []
    for run in (recording, lambda *_: {}):
        monkeypatch.setattr(tower_states, "run_together", run)
        model.zero_grad()
        output = model(batch)
        output["loss"].backward()
        results.append((output["losses"], {name: p.grad for name, p in model.named_parameters()}))
    (losses, gradients), (expected_losses, expected) = results
    first_towers = {name for name in model.towers if model.graph.inputs_of(name) == ["encoder"]}
    assert together == [first_towers - ({"msr"} if name == "another tower" else set())]
    assert_close(losses, expected_losses, rtol=1e-5, atol=0)
    assert gradients.keys() == expected.keys()
    for key, gradient in gradients.items():
        assert (gradient is None) == (expected[key] is None), key
        if gradient is not None:
            assert (gradient - expected[key]).norm() <= 1e-5 * expected[key].norm(), key


def test_towers_that_a_loss_does_not_depend_on_get_no_gradient(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The training step "aggregated" finds shared parameters in this way."""
    model, batch = build_model("adversarial", VOCAB), batch_for(VOCAB)
    known = list(model.parameters())
    results = []
    for run in (run_together, lambda *_: {}):
        monkeypatch.setattr(tower_states, "run_together", run)
        losses = model(batch)["losses"].values()
        results.append(
            [
                torch.autograd.grad(loss, known, retain_graph=True, allow_unused=True)
                for loss in losses
            ]
        )
    for gradients, expected in zip(*results, strict=True):
        assert [gradient is None for gradient in gradients] == [
            gradient is None for gradient in expected
        ]
        reached = [pair for pair in zip(gradients, expected, strict=True) if pair[0] is not None]
        assert 0 < len(reached) < len(known)
        for gradient, other in reached:
            assert_close(gradient, other, rtol=1e-4, atol=1e-7)
