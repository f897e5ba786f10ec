"""Partial labels: nothing is learnt about types that a dataset does not annotate."""

import random
from itertools import pairwise, product

import pytest
import torch
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.modules.heads import Head
from tests.modules.examples import random_spans
from tests.modules.heads.building import PARTIAL, batch_of, example, head_of, states_of

NAMES = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]


def batch_for(head: Head, **lengths: list[int]) -> Batch:
    """Random sentences of the given lengths; those of "partial" have only PER."""
    rng, sentences = random.Random(0), {}
    for name, sizes in lengths.items():
        gold = [(length, random_spans(PARTIAL, "weibo", length, rng)) for length in sizes]
        sentences[name] = [
            (n, [s for s in spans if name == "full" or s.type == "PER"]) for n, spans in gold
        ]
    return batch_of(head, sentences, PARTIAL)


def enumerated(head: Head, emissions: torch.Tensor, tags: list[int], partial: bool) -> torch.Tensor:
    """Negative log-likelihood of a sentence: the sum over all paths that agrees with its tags."""
    scores, agrees = [], []
    crf = head.as_crf()
    for path in product(range(len(NAMES)), repeat=len(tags)):
        legal = bool(crf.allowed_starts[path[0]]) and all(
            crf.allowed_transitions[a, b] for a, b in pairwise(path)
        )
        if legal:
            ends = crf.start_transitions[path[0]] + crf.end_transitions[path[-1]]
            moves = [crf.transitions[a, b] for a, b in pairwise(path)]
            scores.append(ends + sum(moves) + sum(emissions[i, tag] for i, tag in enumerate(path)))
            agrees.append(
                all(
                    a == b or (partial and b == 0 and a in (1, 2))
                    for a, b in zip(path, tags, strict=True)
                )
            )
    stacked = torch.stack(scores)
    return stacked.logsumexp(0) - stacked[torch.tensor(agrees)].logsumexp(0)


@pytest.mark.parametrize("head_type", ["crf", "softmax"])
@pytest.mark.parametrize(
    "lengths", [{"full": [4, 2], "partial": [4, 3, 1]}, {"partial": [3, 3]}, {"full": [2]}]
)
def test_loss_is_over_all_paths_that_agree(head_type: str, lengths: dict[str, list[int]]) -> None:
    head = head_of(head_type, vocab=PARTIAL)
    batch = batch_for(head, **lengths)
    output = head(states_of(batch), batch)
    loss_B, tags_BL = head.loss(output, batch), batch.targets["tags"]
    expected = [
        enumerated(head, output[sentence], tags_BL[sentence, :length].tolist(), name == "partial")
        for sentence, (length, name) in enumerate(zip(batch.lengths, batch.datasets, strict=True))
    ]
    assert_close(loss_B, torch.stack(expected), rtol=1e-4, atol=1e-5)
    actual, wanted = (
        torch.autograd.grad(loss, [*head.parameters()], allow_unused=True, retain_graph=True)
        for loss in (loss_B.sum(), sum(expected))
    )
    for one, other in zip(actual, wanted, strict=True):
        if one is not None and other is not None:
            assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_marginal_is_not_called_without_partial_labels() -> None:
    head = head_of("crf", vocab=PARTIAL)
    batch = batch_for(head, full=[4, 3])
    head.marginal = None
    assert head.loss(head(states_of(batch), batch), batch).shape == (2,)


def test_head_without_marginal_refuses_partial_labels() -> None:
    with pytest.raises(
        ConfigurationError, match="type: PytorchCrfHead does not learn partial labels.* for partial"
    ):
        head_of("pytorch_crf", vocab=PARTIAL)
    assert head_of("pytorch_crf").may_be_PTT.shape == (0, 5, 5)


def test_table_is_not_in_the_state_dict() -> None:
    assert set(head_of("crf", vocab=PARTIAL).state_dict()) == set(head_of("crf").state_dict())


@pytest.mark.parametrize("head_type", ["crf", "pytorch_crf", "softmax"])
def test_as_crf_equals_the_head(head_type: str) -> None:
    head = head_of(head_type)
    batch, states = example()
    output, crf = head(states, batch), head.as_crf()
    assert_close(crf(output, batch.targets["tags"], batch.mask_BL), head.loss(output, batch))
    best = crf.n_best(output, batch.mask_BL, 2)
    assert torch.equal(best.tags_BNL[:, 0], head.decode(output, batch.mask_BL))
