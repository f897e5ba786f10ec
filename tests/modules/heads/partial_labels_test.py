"""Datasets that mark only some types teach a head nothing about the others."""

from dataclasses import replace
from itertools import pairwise, product

import pytest
import torch
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch, collate
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.heads import Head
from tests.modules.examples import SPACES, character_alphabet, encoded, vocabulary

WIDTH = 5
WHOLE = vocabulary("weibo", "msra", "msr")
NAMES = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]


def partial_vocabulary() -> Vocabulary:
    """Two datasets on the head "weibo", of LOC and PER: one marks both types, the other persons alone."""
    spaces = {"full": replace(SPACES["weibo"]), "partial": replace(SPACES["weibo"], annotated_types=["PER"])}
    names = WHOLE.get_index_to_token_vocabulary("weibo_labels").values()
    others = {name: WHOLE.get_index_to_token_vocabulary(name).values() for name in ("characters", "domains")}
    return Vocabulary(spaces, {"weibo_labels": names, **others})


VOCAB = partial_vocabulary()


def batch_of(**lengths: list[int]) -> Batch:
    sources = [encoded(VOCAB, character_alphabet(VOCAB), name, sizes) for name, sizes in lengths.items()]
    for rows in sources:
        if rows.dataset == "partial":
            assert rows.tags is not None
            # It has no places.
            rows.tags[(rows.tags == 1) | (rows.tags == 2)] = 0
    return collate([(rows, row) for rows in sources for row in range(len(rows))])


def head_of(kind: str, vocab: Vocabulary = VOCAB, **settings: object) -> Head:
    torch.manual_seed(0)
    config = {"type": kind, "dropout": 0.0, **settings}
    return Head.from_params(config, label_space=vocab.label_space("weibo"), input_dim=WIDTH)


def enumerated(head: Head, emissions: torch.Tensor, tags: list[int], partial: bool) -> torch.Tensor:
    """Negative log-likelihood of one row: of every path that agrees with its tags, one by one."""
    scores, agree = [], []
    crf = head.as_crf()
    for path in product(range(len(NAMES)), repeat=len(tags)):
        legal = bool(crf.allowed_starts[path[0]]) and all(crf.allowed_transitions[a, b] for a, b in pairwise(path))
        if legal:
            ends = crf.start_transitions[path[0]] + crf.end_transitions[path[-1]]
            moves = [crf.transitions[a, b] for a, b in pairwise(path)]
            scores.append(ends + sum(moves) + sum(emissions[i, tag] for i, tag in enumerate(path)))
            agree.append(all(a == b or (partial and b == 0 and a in (1, 2)) for a, b in zip(path, tags, strict=True)))
    stacked = torch.stack(scores)
    return stacked.logsumexp(0) - stacked[torch.tensor(agree)].logsumexp(0)


@pytest.mark.parametrize("kind", ["crf", "softmax"])
@pytest.mark.parametrize("lengths", [{"full": [4, 2], "partial": [4, 3, 1]}, {"partial": [3, 3]}, {"full": [2]}])
def test_loss_is_that_of_all_paths_that_agree(kind: str, lengths: dict[str, list[int]]) -> None:
    batch, head = batch_of(**lengths), head_of(kind)
    states = torch.randn(len(batch), batch.lengths[0], WIDTH, generator=torch.Generator().manual_seed(1))
    output = head(states, batch)
    assert batch.tags_BL is not None and output.nll_B is not None
    expected = [
        enumerated(head, output.emissions_BLT[row], batch.tags_BL[row, :length].tolist(), name == "partial")
        for row, (length, name) in enumerate(zip(batch.lengths, batch.datasets, strict=True))
    ]
    assert_close(output.nll_B, torch.stack(expected), rtol=1e-4, atol=1e-5)
    given, wanted = (
        torch.autograd.grad(loss, [*head.parameters()], allow_unused=True, retain_graph=True)
        for loss in (output.nll_B.sum(), sum(expected))
    )
    for one, other in zip(given, wanted, strict=True):
        if one is not None and other is not None:
            assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_full_rows_take_no_other_way_than_without_partial_ones() -> None:
    batch, head = batch_of(full=[4, 3]), head_of("crf")
    head.marginal = None  # type: ignore[assignment,method-assign]
    assert head(torch.randn(2, 4, WIDTH), batch).nll_B is not None


def test_a_head_without_marginals_refuses_at_once() -> None:
    with pytest.raises(ConfigurationError, match="type: PytorchCrfHead does not learn partial labels.* for partial"):
        head_of("pytorch_crf")
    assert head_of("pytorch_crf", WHOLE).stands_for_DTT.shape == (0, 5, 5)


def test_the_table_is_no_weight() -> None:
    assert set(head_of("crf").state_dict()) == set(head_of("crf", WHOLE).state_dict())


@pytest.mark.parametrize("kind", ["crf", "pytorch_crf", "softmax"])
def test_every_head_is_a_distribution_over_paths(kind: str) -> None:
    head = head_of(kind, WHOLE)
    batch = batch_of(full=[5, 3, 1])
    batch.datasets = ["weibo"] * 3
    states = torch.randn(3, 5, WIDTH)
    output = head(states, batch)
    crf = head.as_crf()
    assert batch.tags_BL is not None and output.nll_B is not None
    assert_close(crf(output.emissions_BLT, batch.tags_BL, batch.mask_BL), output.nll_B)
    best = crf.n_best(output.emissions_BLT, batch.mask_BL, 2)
    assert torch.equal(best.tags_BNL[:, 0], head.decode(output.emissions_BLT, batch.mask_BL))
