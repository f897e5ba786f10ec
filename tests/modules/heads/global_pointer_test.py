"""Global pointer head: scores and loss against loops over the formulas."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.modules.heads.global_pointer import rotated
from tests.modules.heads.building import PARTIAL, batch_of, batch_with, head_of, states_of

TYPES = ["LOC", "PER"]
SIZE = 6
NESTED = [Span(0, 5, "PER"), Span(0, 2, "LOC"), Span(3, 4, "LOC"), Span(3, 4, "PER")]
SENTENCES = [(5, NESTED), (3, [Span(1, 3, "LOC")]), (2, []), (1, [Span(0, 1, "PER")])]


def rotated_by_hand(vector: list[float], position: int) -> list[float]:
    """Rotate adjacent pairs of entries by the angles of a position."""
    result = []
    for m in range(len(vector) // 2):
        angle = position * 10000 ** (-2 * m / len(vector))
        x, y = vector[2 * m], vector[2 * m + 1]
        result += [
            x * math.cos(angle) - y * math.sin(angle),
            x * math.sin(angle) + y * math.cos(angle),
        ]
    return result


def dot(one: list[float], other: list[float]) -> float:
    return sum(x * y for x, y in zip(one, other, strict=True))


def naive_scores(head: torch.nn.Module, states_LD: Tensor) -> dict[tuple[str, int, int], float]:
    """s_c(i, j) for every type and pair i <= j."""
    weights = {name: parameter.double().tolist() for name, parameter in head.named_parameters()}
    projected = [
        [
            dot(row, state) + bias
            for row, bias in zip(
                weights["query_key.weight"], weights["query_key.bias"], strict=True
            )
        ]
        for state in states_LD.double().tolist()
    ]
    edges, biases = weights["types_of_edges.weight"], weights["types_of_edges.bias"]
    scores = {}
    for i in range(len(states_LD)):
        for j in range(i, len(states_LD)):
            query, key = (
                rotated_by_hand(projected[i][:SIZE], i),
                rotated_by_hand(projected[j][SIZE:], j),
            )
            for c, type_name in enumerate(TYPES):
                first = dot(edges[c], projected[i]) + biases[c]
                last = dot(edges[len(TYPES) + c], projected[j]) + biases[len(TYPES) + c]
                scores[type_name, i, j] = dot(query, key) / math.sqrt(SIZE) + first + last
    return scores


def naive_loss(
    scores: dict[tuple[str, int, int], float], gold: list[Span], type_names: list[str]
) -> float:
    """Multi-label cross-entropy summed over types."""
    total = 0.0
    for type_name in type_names:
        inside = [
            s for (c, i, j), s in scores.items() if c == type_name and Span(i, j + 1, c) in gold
        ]
        outside = [
            s for (c, i, j), s in scores.items() if c == type_name and Span(i, j + 1, c) not in gold
        ]
        total += math.log(1 + sum(map(math.exp, outside))) + math.log(
            1 + sum(math.exp(-s) for s in inside)
        )
    return total


def pointer(**settings: object) -> torch.nn.Module:
    head: torch.nn.Module = head_of("global_pointer", head_size=SIZE, **settings)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return head


def test_scores_equal_the_formula() -> None:
    head = pointer()
    batch = batch_with(head, SENTENCES)
    states = states_of(batch)
    output = head(states, batch)
    assert output.shape == (4, 2, 5, 5)
    for sentence, length in enumerate(batch.lengths):
        expected = naive_scores(head, states[sentence, :length])
        for c, type_name in enumerate(TYPES):
            for i in range(5):
                for j in range(5):
                    score = expected.get((type_name, i, j), -math.inf)
                    assert output[sentence, c, i, j].item() == pytest.approx(
                        score, rel=1e-4, abs=1e-5
                    )


def test_loss_is_the_sum_over_types() -> None:
    head = pointer()
    batch = batch_with(head, SENTENCES)
    states = states_of(batch)
    expected = [
        naive_loss(naive_scores(head, states[i, :length]), gold, TYPES)
        for i, (length, gold) in enumerate(SENTENCES)
    ]
    assert head.loss(head(states, batch), batch).tolist() == pytest.approx(expected, rel=1e-5)


def test_loss_is_over_types_that_a_dataset_annotates() -> None:
    head = pointer(vocab=PARTIAL)
    persons = [span for span in NESTED if span.type == "PER"]
    batch = batch_of(head, {"full": [(5, NESTED)], "partial": [(4, persons[1:]), (3, [])]}, PARTIAL)
    states = states_of(batch)
    output = head(states, batch)
    output.retain_grad()
    loss_B = head.loss(output, batch)

    golds = [(NESTED, TYPES), (persons[1:], ["PER"]), ([], ["PER"])]
    expected = [
        naive_loss(naive_scores(head, states[i, : batch.lengths[i]]), *gold)
        for i, gold in enumerate(golds)
    ]
    assert loss_B.tolist() == pytest.approx(expected, rel=1e-5)
    loss_B.sum().backward()
    assert output.grad[0].flatten(1).any(1).all()
    assert not output.grad[1:, 0].any() and output.grad[1:, 1].flatten(1).any(1).all()


def test_rotated_product_depends_on_the_distance_only() -> None:
    vectors = torch.randn(1, 1, 16, generator=torch.Generator().manual_seed(0)).expand(2, 300, 16)
    query, key = rotated(vectors).chunk(2, dim=-1)
    product_LL = (query @ key.transpose(1, 2))[1]
    for distance in (-200, -3, 0, 1, 7, 250):
        diagonal = product_LL.diagonal(distance)
        assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=1e-4, atol=1e-4)
    # Different distances give different products, and a rotation keeps norms.
    assert len({round(product_LL[0, i].item(), 3) for i in range(6)}) == 6
    assert_close(query.norm(dim=-1), vectors[..., :8].norm(dim=-1))
    assert_close(query[0, 0], vectors[0, 0, :8])


def test_scores_of_equal_states_depend_on_the_distance_only() -> None:
    head = pointer()
    batch: Batch = batch_with(head, [(9, [])])
    output = head(states_of(batch)[:, :1].expand(-1, 9, -1), batch)
    for distance in range(9):
        diagonal = output[0].diagonal(distance, dim1=1, dim2=2)
        assert_close(diagonal, diagonal[:, :1].expand_as(diagonal), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [0, 5, -2])
def test_size_must_be_even(size: int) -> None:
    with pytest.raises(
        ConfigurationError, match=f"head_size: expected an even number of 2 or more, found {size}"
    ):
        head_of("global_pointer", head_size=size)
