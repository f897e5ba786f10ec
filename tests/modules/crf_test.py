"""The CRF against enumeration of all paths, pytorch-crf and hand-worked values."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call
from torchcrf import CRF

from ner_adv_plugin.modules.crf import ConditionalRandomField
from tests.modules.crf_reference import (
    admissible_tags,
    assert_same_likelihood,
    bio_crf,
    enumerate_paths,
    enumerated_likelihood,
    likelihood,
    prefix_mask,
    with_random_scores,
)


def small_crf(constrained: bool) -> ConditionalRandomField:
    torch.manual_seed(0)
    return bio_crf(2) if constrained else with_random_scores(ConditionalRandomField(5))


@pytest.mark.parametrize("constrained", [False, True])
def test_likelihood_and_gradients_equal_enumeration(constrained: bool) -> None:
    crf = small_crf(constrained).double()
    mask = prefix_mask([4, 0, 1, 2, 5])
    emissions = 2 * torch.randn(5, 5, 5, dtype=torch.double)
    weights = torch.randn(5, dtype=torch.double)
    tags = admissible_tags(crf, mask)
    actual = likelihood(crf, emissions, tags, mask, weights)
    expected = enumerated_likelihood(crf, emissions, tags, mask, weights)
    assert_same_likelihood(actual, expected, rtol=1e-10, atol=1e-12)
    assert actual.nll[1] == 0 and not actual.emissions[1].any()


@pytest.mark.parametrize("constrained", [False, True])
def test_marginals_equal_enumeration(constrained: bool) -> None:
    crf = small_crf(constrained)
    lengths = [3, 0, 5, 1]
    emissions = 2 * torch.randn(4, 5, 5, dtype=torch.double)
    expected = torch.zeros(4, 5, 5, dtype=torch.double)
    for sequence, length in enumerate(lengths):
        if length > 0:
            paths, scores = enumerate_paths(crf, emissions[sequence, :length])
            one_hot = torch.nn.functional.one_hot(paths, 5).double()
            expected[sequence, :length] = torch.tensordot(
                scores.detach().softmax(0), one_hot, dims=1
            )
    marginals = crf.marginals(emissions, prefix_mask(lengths))
    torch.testing.assert_close(marginals, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("constrained", [False, True])
def test_viterbi_equals_enumeration(constrained: bool) -> None:
    crf = small_crf(constrained)
    lengths = [3, 0, 5, 1, 5, 2, 4]
    emissions, mask = torch.randn(7, 5, 5, dtype=torch.double), prefix_mask(lengths)
    tags, scores = crf.decode_with_scores(emissions, mask)
    assert (
        tags.shape == (7, 5)
        and tags.dtype == torch.long
        and not tags[~mask].any()
        and scores[1] == 0
    )
    for sequence, length in enumerate(lengths):
        if length > 0:
            paths, path_scores = enumerate_paths(crf, emissions[sequence, :length])
            assert tags[sequence, :length].tolist() == paths[path_scores.argmax()].tolist()
            assert scores[sequence].item() == pytest.approx(path_scores.max().item(), rel=1e-12)
    torch.testing.assert_close(scores, crf.score(emissions, tags, mask))
    assert torch.equal(crf.decode(emissions, mask), tags)


def test_two_tags_by_hand() -> None:
    crf = ConditionalRandomField(2, allowed_transitions=torch.tensor([[True, True], [True, False]]))
    torch.nn.init.zeros_(crf.start_transitions)
    torch.nn.init.zeros_(crf.transitions)
    torch.nn.init.zeros_(crf.end_transitions)
    # Tag 1 has weight 2. Paths of length 3 without 1, 1 are 000, 001, 010, 100 and 101, so that
    # Z = 1 + 2 + 2 + 2 + 4.
    emissions = torch.tensor([1.0, 2.0]).log().expand(1, 3, 2)
    mask = torch.ones(1, 3, dtype=torch.bool)
    torch.testing.assert_close(crf.log_partition(emissions, mask), torch.tensor([11.0]).log())
    torch.testing.assert_close(
        crf(emissions, torch.tensor([[1, 0, 1]]), mask), torch.tensor([11 / 4]).log()
    )
    marginals = crf.marginals(emissions, mask)
    torch.testing.assert_close(marginals[0, :, 1], torch.tensor([6 / 11, 2 / 11, 6 / 11]))
    assert crf.decode(emissions, mask).tolist() == [[1, 0, 1]]
    assert crf(emissions, torch.tensor([[1, 1, 0]]), mask).tolist() == [torch.inf]


def test_equals_pytorch_crf_and_loads_its_checkpoint() -> None:
    torch.manual_seed(0)
    library, crf = CRF(9, batch_first=True), ConditionalRandomField(9)
    with torch.no_grad():
        for parameter in library.parameters():
            parameter.normal_()
    crf.load_state_dict(library.state_dict(), strict=True)
    library.load_state_dict(crf.state_dict(), strict=True)
    library, crf = library.double(), crf.double()
    lengths = [17, 30, 1, 8]
    mask, tags = prefix_mask(lengths), torch.randint(9, (4, 30))
    emissions = (3 * torch.randn(4, 30, 9, dtype=torch.double)).requires_grad_()
    expected, actual = -library(emissions, tags, mask, reduction="none"), crf(emissions, tags, mask)
    torch.testing.assert_close(actual, expected)
    names = [name for name, _ in library.named_parameters()]
    wanted = torch.autograd.grad(expected.sum(), [emissions, *library.parameters()])
    found = torch.autograd.grad(
        actual.sum(), [emissions, *(crf.get_parameter(name) for name in names)]
    )
    torch.testing.assert_close(found, wanted)
    decoded = zip(crf.decode(emissions, mask).tolist(), lengths, strict=True)
    assert [sequence[:length] for sequence, length in decoded] == library.decode(emissions, mask)


def test_initial_scores_equal_pytorch_crf() -> None:
    torch.manual_seed(3)
    library = CRF(4)
    torch.manual_seed(3)
    for name, parameter in ConditionalRandomField(4).named_parameters():
        assert torch.equal(parameter, library.get_parameter(name))


@pytest.mark.parametrize("constrained", [False, True])
def test_gradcheck(constrained: bool) -> None:
    crf = small_crf(constrained).double()
    mask = prefix_mask([4, 0, 1, 2])
    tags = admissible_tags(crf, mask)
    emissions = torch.randn(4, 4, 5, dtype=torch.double, requires_grad=True)
    names = [name for name, _ in crf.named_parameters()]

    def nll(emissions: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        return functional_call(
            crf, dict(zip(names, parameters, strict=True)), (emissions, tags, mask)
        )

    assert torch.autograd.gradcheck(nll, (emissions, *crf.parameters()))


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_constraints_equal_enumeration(data: st.DataObject) -> None:
    tags, length = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 5))
    flags = st.lists(st.booleans(), min_size=tags, max_size=tags)
    starts, ends = torch.tensor(data.draw(flags)), torch.tensor(data.draw(flags))
    moves = torch.tensor(data.draw(st.lists(flags, min_size=tags, max_size=tags)))
    torch.manual_seed(data.draw(st.integers(0, 1000)))
    crf = with_random_scores(ConditionalRandomField(tags, starts, moves, ends))
    lengths = data.draw(st.permutations(range(length + 1)))
    emissions = torch.randn(len(lengths), length, tags, dtype=torch.double, requires_grad=True)
    mask = prefix_mask(list(lengths))
    log_partition = crf.log_partition(emissions, mask)
    (gradient,) = torch.autograd.grad(log_partition.sum(), emissions)
    best_tags, best = crf.decode_with_scores(emissions, mask)
    for sequence, size in enumerate(lengths):
        scores = torch.zeros(1, dtype=torch.double)
        if size > 0:
            scores = enumerate_paths(crf, emissions[sequence, :size]).scores.detach()
        torch.testing.assert_close(log_partition[sequence], scores.logsumexp(0))
        assert best[sequence].item() == pytest.approx(max(scores.tolist(), default=-torch.inf))
        expected = torch.zeros(length, dtype=torch.double)
        expected[:size] = float(len(scores) > 0)
        torch.testing.assert_close(gradient[sequence].sum(-1), expected)
    assert best_tags.max() < tags


@settings(deadline=None, max_examples=40)
@given(
    lengths=st.lists(st.integers(0, 12), min_size=1, max_size=6),
    scale=st.sampled_from([0.1, 1.0, 10.0, 100.0]),
    seed=st.integers(0, 1000),
)
def test_marginals_sum_to_one_and_nll_is_not_negative(
    lengths: list[int], scale: float, seed: int
) -> None:
    torch.manual_seed(seed)
    crf, mask = bio_crf(2, scale), prefix_mask(lengths, 12)
    emissions = scale * torch.randn(len(lengths), 12, 5)
    torch.testing.assert_close(crf.marginals(emissions, mask).sum(-1), mask.float())
    nll = crf(emissions, admissible_tags(crf, mask), mask)
    assert (nll >= -1e-10 * scale).all() and not nll[~mask.any(1)].any()


def test_sequence_does_not_depend_on_its_batch() -> None:
    torch.manual_seed(0)
    crf, lengths = bio_crf(4), [5, 40, 0, 17, 1]
    mask, emissions = prefix_mask(lengths), 3 * torch.randn(5, 40, 9)
    tags, weights = admissible_tags(crf, mask), torch.ones(5)
    together = likelihood(crf, emissions, tags, mask, weights)
    decoded, marginals = crf.decode(emissions, mask), crf.marginals(emissions, mask)
    for sequence, length in enumerate(lengths):
        index = slice(sequence, sequence + 1), slice(0, max(length, 1))
        alone = likelihood(crf, emissions[index], tags[index], mask[index], weights[:1])
        torch.testing.assert_close(alone.nll, together.nll[sequence : sequence + 1])
        torch.testing.assert_close(alone.emissions, together.emissions[index])
        torch.testing.assert_close(crf.marginals(emissions[index], mask[index]), marginals[index])
        assert torch.equal(crf.decode(emissions[index], mask[index]), decoded[index])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_tags": 0}, "num_tags must be at least 1, got 0"),
        (
            {"num_tags": 2, "allowed_starts": torch.ones(3).bool()},
            r"allowed_starts .* \(2,\), got .* \(3,\)",
        ),
        ({"num_tags": 2, "allowed_transitions": torch.ones(2, 2)}, "must be bool .* torch.float32"),
    ],
)
def test_constructor_rejects(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ConditionalRandomField(**arguments)


def test_methods_reject_wrong_shapes() -> None:
    crf, emissions = ConditionalRandomField(3), torch.zeros(2, 4, 3)
    mask = torch.ones(2, 4, dtype=torch.bool)
    with pytest.raises(
        ValueError, match=r"emissions must be \(sequences, positions, 3\).* got \(2, 4, 2\)"
    ):
        crf.log_partition(emissions[..., :2], mask)
    with pytest.raises(
        ValueError, match=r"mask must be bool of shape \(2, 4\), got torch.float32 \(2, 4\)"
    ):
        crf.decode(emissions, mask.float())
    with pytest.raises(
        ValueError, match=r"tags must be int64 of shape \(2, 4\), got torch.int64 \(2, 3\)"
    ):
        crf(emissions, torch.zeros(2, 3, dtype=torch.long), mask)
