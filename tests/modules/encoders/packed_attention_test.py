"""Attention without padding, against attention over each sequence on its own."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close

from ner_adv_plugin.modules.encoders import blockwise_attention
from ner_adv_plugin.modules.encoders import packed_attention as module
from ner_adv_plugin.modules.encoders import packing as layouts
from ner_adv_plugin.modules.encoders.packed_attention import packed_attention
from ner_adv_plugin.modules.encoders.packing import GroupLayout, Packing

NONE = torch.nn.Identity()


def states_of(
    lengths: Sequence[int], heads: int, size: int, dtype: torch.dtype = torch.float64
) -> list[Tensor]:
    """Random queries, keys and values (1, A, N, S), leaf tensors in the layout of a layer."""
    torch.manual_seed(0)
    made = [torch.randn(1, sum(lengths), heads * size, dtype=dtype) for _ in range(3)]
    return [one.view(1, -1, heads, size).transpose(1, 2).requires_grad_() for one in made]


def sequence_by_sequence(states: Sequence[Tensor], lengths: Sequence[int], scale: float) -> Tensor:
    """softmax(scale Q K^T) V of every sequence, (1, N, A, S)."""
    sequences = zip(*(tensor.split(lengths, 2) for tensor in states), strict=True)
    return torch.cat(
        [scaled_dot_product_attention(q, k, v, scale=scale) for q, k, v in sequences], 2
    ).transpose(1, 2)


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=9).map(
        lambda lengths: sorted(lengths, reverse=True)
    ),
    heads=st.integers(1, 3),
    size=st.integers(1, 4),
    overhead=st.sampled_from([0, 48, 10_000]),
    requires_grad=st.booleans(),
)
def test_every_token_attends_to_its_own_sequence(
    lengths: list[int], heads: int, size: int, overhead: int, requires_grad: bool
) -> None:
    packing = Packing(lengths)
    states = states_of(lengths, heads, size)
    expected = sequence_by_sequence(states, lengths, 0.3)
    with torch.set_grad_enabled(requires_grad), pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts, "GROUP_OVERHEAD", overhead)
        found, weights = packed_attention(NONE, *states, None, scaling=0.3, packing=packing)
    assert weights is None
    assert_close(found, expected.detach() if not requires_grad else expected)
    if requires_grad:
        upstream = torch.randn_like(found)
        assert_close(
            torch.autograd.grad(found, states, upstream),
            torch.autograd.grad(expected, states, upstream),
        )


@pytest.mark.parametrize(
    "lengths", [[17] * 5 + [3], [17] * 5, [33, 20, 20, 16, 16, 5, 5, 5, 1], [7]]
)
@torch.no_grad()
def test_keys_are_extended_to_whole_lanes_if_possible(
    lengths: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of the next sequence that fill the lanes of torch's kernel have no effect."""
    seen = []

    def recording(query: Tensor, key: Tensor, *others: Any, **settings: Any) -> Tensor:
        seen.append((query.shape[2], key.shape[2]))
        return scaled_dot_product_attention(query, key, *others, **settings)

    states = states_of(lengths, 2, 3)
    monkeypatch.setattr(module, "scaled_dot_product_attention", recording)
    found, _ = packed_attention(NONE, *states, None, scaling=0.3, packing=Packing(lengths))
    assert_close(found, sequence_by_sequence(states, lengths, 0.3))
    # One call for all sequences of a length, with additional keys unless the tokens end before.
    runs = [
        (length, sum(1 for other in lengths if other == length))
        for length in sorted(set(lengths), reverse=True)
    ]
    ends = [
        sum(other for other in lengths if other > length) + length * (count - 1)
        for length, count in runs
    ]
    full = [-(-length // 16) * 16 for length, _ in runs]
    expected = [
        (length, size if end + size <= sum(lengths) else length)
        for (length, _), end, size in zip(runs, ends, full, strict=True)
    ]
    assert seen == expected


def test_groups_pad_to_their_longest_sequence() -> None:
    layout = GroupLayout([100, 99, 5, 4], 2)
    assert [group.shape for group in layout.groups] == [(2, 2, 100), (2, 2, 5)]
    # Only groups of sequences of unequal length need a mask.
    assert layout.groups[0].bias is not None
    assert layout.groups[0].bias.isinf().sum() == 1 and len(layout.padding) == 2 * (1 + 1)
    assert GroupLayout([7, 7, 7], 2).groups[0].bias is None


def test_gradient_with_dropout() -> None:
    """With a fixed seed the function is deterministic, so that finite differences can check it."""
    lengths, packing = [5, 4, 4, 1], Packing([5, 4, 4, 1])
    states = states_of(lengths, 2, 3)

    def attend(*inputs: Tensor) -> Tensor:
        torch.manual_seed(1)
        return packed_attention(NONE, *inputs, None, dropout=0.4, packing=packing)[0]

    assert not torch.allclose(attend(*states), sequence_by_sequence(states, lengths, 3**-0.5))
    assert torch.autograd.gradcheck(attend, states)


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=9).map(
        lambda lengths: sorted(lengths, reverse=True)
    ),
    heads=st.integers(1, 3),
    size=st.sampled_from([1, 3, 8]),
    block=st.sampled_from([1, 100, 5000, 1 << 22]),
    dropout=st.sampled_from([0.0, 0.1, 0.5]),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
)
def test_scores_computed_again_are_those_kept(
    lengths: list[int], heads: int, size: int, block: int, dropout: float, dtype: torch.dtype
) -> None:
    """States and gradients are the same up to rounding, and the next random number exactly."""
    packing, states = Packing(lengths), states_of(lengths, heads, size, dtype)
    upstream = torch.randn(1, sum(lengths), heads, size).to(dtype)
    results = []
    for most_kept in (1 << 40, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "MOST_KEPT", most_kept)
            patch.setattr(blockwise_attention, "BLOCK", block)
            torch.manual_seed(3)
            found, _ = packed_attention(NONE, *states, None, dropout, packing=packing)
            gradients = torch.autograd.grad(found, states, upstream)
            results.append([found, *gradients, torch.rand(1)])
    assert torch.equal(results[0][-1], results[1][-1])
    assert_close(results[0], results[1], equal_nan=False)


def test_long_sequences_keep_no_scores() -> None:
    """Tensors kept for the backward pass grow with the tokens, not with their square."""
    kept = []
    for most_kept in (1 << 40, 0):
        packing, states = Packing([300, 300]), states_of([300, 300], 2, 4, torch.float32)
        sizes: list[int] = []

        def pack(tensor: Tensor, sizes: list[int] = sizes) -> Tensor:
            sizes.append(tensor.numel())
            return tensor

        with (
            pytest.MonkeyPatch.context() as patch,
            torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        ):
            patch.setattr(module, "MOST_KEPT", most_kept)
            packed_attention(NONE, *states, None, 0.1, packing=packing)
        kept.append(sum(sizes))
    assert kept[0] > 3 * 2 * 2 * 300**2 and kept[1] == 3 * 2 * 2 * 300 * 4


def test_mean_over_dropout_is_attention_without_dropout() -> None:
    lengths, packing = [4, 3], Packing([4, 3])
    states = [tensor.detach() for tensor in states_of(lengths, 1, 2)]
    torch.manual_seed(0)
    draws = [
        packed_attention(NONE, *states, None, dropout=0.3, packing=packing)[0] for _ in range(4000)
    ]
    spread = torch.stack(draws).std(0).max().item()
    expected = sequence_by_sequence(states, lengths, 2**-0.5)
    assert_close(torch.stack(draws).mean(0), expected, rtol=0, atol=5 * spread / 4000**0.5)


def test_bfloat16_keeps_attention_weights_in_float32() -> None:
    lengths, packing = [30, 20, 20], Packing([30, 20, 20])
    states = states_of(lengths, 2, 8, torch.bfloat16)
    found, _ = packed_attention(NONE, *states, None, packing=packing)
    expected = sequence_by_sequence([tensor.float() for tensor in states], lengths, 8**-0.5)
    assert found.dtype == torch.bfloat16
    assert_close(found.float(), expected, rtol=2e-2, atol=2e-2)


def test_torch_attention_without_packing() -> None:
    query, key, value = (torch.randn(2, 3, 5, 4) for _ in range(3))
    mask = torch.ones(2, 1, 5, 5, dtype=torch.bool)
    mask[1, :, :, 3:] = False
    layer = torch.nn.Identity()
    layer.is_causal = False  # type: ignore[assignment]
    found, _ = packed_attention(layer, query, key, value, mask)
    assert_close(found, scaled_dot_product_attention(query, key, value, mask).transpose(1, 2))
