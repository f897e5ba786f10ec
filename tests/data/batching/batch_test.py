from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_adv_plugin.data.batching.batch import Batch, collate, share_totals
from ner_adv_plugin.data.batching.encoded_dataset import EncodedRows
from ner_adv_plugin.data.instance import Instance
from tests.data.rows import encoded, ner_reader

LABELS = ["O", "B-PER", "I-PER"]


def datasets() -> dict[str, EncodedRows]:
    """Rows of 0 to 9 characters: datasets a and b share a head, c has its own, u has none."""
    generator = np.random.default_rng(0)

    def rows(labelled: bool) -> list[Instance]:
        texts = ["".join(generator.choice(list("甲乙丙丁戊"), n)) for n in (3, 0, 9, 3, 1, 7)]
        return [Instance(text, [str(generator.choice(LABELS)) for _ in text] if labelled else None) for text in texts]

    readers = {
        "a": ner_reader("a", head="ab", domain="news"),
        "b": ner_reader("b", head="ab", domain="social"),
        "c": ner_reader("c", domain="news"),
        "u": ner_reader("u", head=None, domain="web"),
    }
    made = encoded({name: rows(name != "u") for name in readers}, readers)
    for own in made.values():
        own.weights = generator.random(len(own)).astype(np.float32)
    return made


DATASETS = datasets()
PLACES = [(name, row) for name in DATASETS for row in range(6)]
chosen_rows = st.lists(st.sampled_from(PLACES), min_size=1, max_size=12)


def batch_of(places: list[tuple[str, int]]) -> Batch:
    return collate([(DATASETS[name], row) for name, row in places])


def naive(batch: Batch) -> list[dict[str, Any]]:
    """What the batch's rows should hold, from the instances they name."""
    rows = []
    for dataset, row in zip(batch.datasets, batch.row_ids, strict=True):
        source = DATASETS[dataset]
        instance = source.instances[row]
        rows.append(
            {
                "tokens": [int(source.row_tokens(row)[i]) for i in range(len(instance.text))],
                "tags": [LABELS.index(tag) for tag in instance.tags or []],
                "length": len(instance.text),
                "head": {"a": "ab", "b": "ab", "c": "c", "u": None}[dataset],
                "domain": {"a": 0, "b": 1, "c": 0, "u": 2}[dataset],
                "weight": float(source.weights[row]),
            }
        )
    return rows


def assert_holds(batch: Batch, rows: list[dict[str, Any]]) -> None:
    """Every tensor and list of a batch is what its rows say, and 0 beyond their ends."""
    width = max((row["length"] for row in rows), default=0)
    assert batch.token_ids_BL.shape == batch.mask_BL.shape == (len(rows), width)
    assert batch.lengths == batch.lengths_B.tolist() == [row["length"] for row in rows]
    assert batch.heads == [row["head"] for row in rows]
    assert batch.domain_B.tolist() == [row["domain"] for row in rows]
    assert batch.weights_B.tolist() == [row["weight"] for row in rows]
    for i, row in enumerate(rows):
        padding = [0] * (width - row["length"])
        assert batch.token_ids_BL[i].tolist() == row["tokens"] + padding
        assert batch.mask_BL[i].tolist() == [True] * row["length"] + [False] * len(padding)
        if batch.tags_BL is not None:
            assert batch.tags_BL[i].tolist() == (row["tags"] or [0] * row["length"]) + padding


@given(chosen_rows)
def test_collate(places: list[tuple[str, int]]) -> None:
    batch = batch_of(places)
    assert len(batch) == batch.total == len(places)
    # Longest first, rows of one length in the order given.
    order = sorted(range(len(places)), key=lambda i: (-len(DATASETS[places[i][0]].instances[places[i][1]].text), i))
    assert list(zip(batch.datasets, batch.row_ids, strict=True)) == [places[i] for i in order]
    assert (batch.tags_BL is None) == all(name == "u" for name, _ in places)
    assert_holds(batch, naive(batch))
    assert batch.totals == {head: len(batch.rows(head)) for head in ("ab", "c") if head in batch.heads}
    assert batch.token_ids_BL.dtype == batch.domain_B.dtype == torch.long


@given(chosen_rows, st.data())
def test_select(places: list[tuple[str, int]], data: st.DataObject) -> None:
    batch = batch_of(places)
    rows = data.draw(st.lists(st.sampled_from(range(len(batch))), max_size=15))
    part = batch.select(rows)
    assert [part.datasets, part.row_ids] == [[batch.datasets[i] for i in rows], [batch.row_ids[i] for i in rows]]
    assert_holds(part, [naive(batch)[i] for i in rows])
    assert (part.totals, part.total) == (batch.totals, batch.total)
    assert (part.tags_BL is None) == (batch.tags_BL is None)


def test_select_orders_and_empties() -> None:
    batch = batch_of([("a", 0), ("c", 2), ("u", 4)])
    assert batch.select([0, 1, 2]) is batch
    assert batch.select([2, 1, 0]).datasets == ["u", "a", "c"]
    nothing = batch.select([])
    assert len(nothing) == 0 and nothing.token_ids_BL.shape == (0, 0)


@given(chosen_rows)
def test_rows_of_a_head(places: list[tuple[str, int]]) -> None:
    batch = batch_of(places)
    for head in ("ab", "c", "no_such"):
        assert batch.rows(head) == [i for i, row in enumerate(naive(batch)) if row["head"] == head]


@given(chosen_rows)
def test_without_tags(places: list[tuple[str, int]]) -> None:
    batch = batch_of(places)
    bare = batch.without_tags()
    assert (bare.tags_BL, bare.heads, bare.totals) == (None, [None] * len(batch), {})
    assert_holds(bare, [{**row, "head": None} for row in naive(batch)])
    # The batch itself is as it was.
    assert_holds(batch, naive(batch))


@settings(max_examples=50)
@given(st.lists(chosen_rows, min_size=1, max_size=4))
def test_share_totals(groups: list[list[tuple[str, int]]]) -> None:
    batches = [batch_of(places) for places in groups]
    shared = share_totals(batches)
    names = [name for places in groups for name, _ in places]
    counts = {"ab": names.count("a") + names.count("b"), "c": names.count("c")}
    for batch, before in zip(shared, batches, strict=True):
        assert batch.totals == {head: count for head, count in counts.items() if count}
        assert batch.total == len(names)
        assert batch.token_ids_BL is before.token_ids_BL
        assert before.total == len(before)


@pytest.mark.parametrize("places", [[("a", 0), ("u", 2)], [("u", 0)]])
def test_to_a_device(places: list[tuple[str, int]]) -> None:
    batch = batch_of(places)
    moved = batch.to(torch.device("meta"))
    tensors = {name: value for name, value in vars(moved).items() if isinstance(value, torch.Tensor)}
    assert {tensor.device.type for tensor in tensors.values()} == {"meta"} == {moved.device.type}
    assert set(tensors) == {name for name, value in vars(batch).items() if isinstance(value, torch.Tensor)}
    assert (moved.lengths, moved.heads, moved.totals) == (batch.lengths, batch.heads, batch.totals)
    assert batch.device.type == "cpu"


def test_an_empty_batch() -> None:
    batch = collate([])
    assert len(batch) == batch.total == 0 and batch.token_ids_BL.shape == (0, 0) and batch.totals == {}
