from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_adv_plugin.data.batching.batch import Batch, collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import PerCharacter, PerSentence, PerSpan, Targets
from ner_adv_plugin.data.instance import Instance
from tests.data.global_batch import share_totals
from tests.data.sentences import encoded, ner_reader

LENGTHS = (3, 0, 9, 3, 1, 7)
COUNTS = (2, 0, 1, 3, 0, 1)


def targets_of(seed: int) -> Targets:
    """Return one target of every class for sentences of `LENGTHS`."""
    generator = np.random.default_rng(seed)
    return {
        "number": PerSentence(generator.integers(1, 9, 6)),
        "shares": PerSentence(generator.random((6, 2)).astype(np.float32)),
        "tags": PerCharacter(generator.integers(1, 9, sum(LENGTHS)).astype(np.int16)),
        "spans": PerSpan(generator.integers(0, 9, (sum(COUNTS), 3)), np.array(COUNTS)),
    }


def datasets() -> dict[str, EncodedDataset]:
    """Sentences of 0 to 9 characters: datasets a and b share a head, c has its own, u has none.

    Head ab has targets of every class, c only tags, and an objective one target of a, c and u.
    """
    generator = np.random.default_rng(0)
    texts = {
        name: ["".join(generator.choice(list("甲乙丙丁戊"), n)) for n in LENGTHS] for name in "abcu"
    }
    readers = {
        "a": ner_reader("a", head="ab", domain="news"),
        "b": ner_reader("b", head="ab", domain="social"),
        "c": ner_reader("c", domain="news"),
        "u": ner_reader("u", head=None, domain="web"),
    }
    train = {
        name: [Instance(text, None if name == "u" else []) for text in own]
        for name, own in texts.items()
    }
    made = encoded(train, readers)
    for seed, (name, own) in enumerate(made.items()):
        own.weights = generator.random(len(own)).astype(np.float32)
        targets = targets_of(seed)
        by_owner: dict[str, Targets] = {}
        if name in "ab":
            by_owner["heads.ab"] = targets
        if name == "c":
            by_owner["heads.c"] = {"tags": targets["tags"]}
        if name != "b":
            by_owner["objectives.0"] = {"number": targets["number"]}
        own.targets = by_owner
    return made


DATASETS = datasets()
ALL_SENTENCES = [(name, sentence) for name in DATASETS for sentence in range(6)]
chosen_sentences = st.lists(st.sampled_from(ALL_SENTENCES), min_size=1, max_size=12)


def batch_of(members: list[tuple[str, int]]) -> Batch:
    return collate([(DATASETS[name], sentence) for name, sentence in members])


def naive(batch: Batch) -> list[dict[str, Any]]:
    """Return the expected content of each sentence, computed from its instance."""
    sentences = []
    for dataset, sentence in zip(batch.datasets, batch.sentence_ids, strict=True):
        source = DATASETS[dataset]
        instance = source.instances[sentence]
        targets: dict[tuple[str, str], Any] = {}
        for owner, own in source.targets.items():
            for name, target in own.items():
                start = sum((COUNTS if name == "spans" else LENGTHS)[:sentence])
                size = {"tags": LENGTHS[sentence], "spans": COUNTS[sentence]}.get(name)
                found = (
                    target.values[sentence] if size is None else target.values[start : start + size]
                )
                targets[owner, name] = found.tolist()
        sentences.append(
            {
                "tokens": [
                    int(source.token_ids_of(sentence)[i]) for i in range(len(instance.text))
                ],
                "length": len(instance.text),
                "head": {"a": "ab", "b": "ab", "c": "c", "u": None}[dataset],
                "domain": {"a": 0, "b": 1, "c": 0, "u": 2}[dataset],
                "weight": float(source.weights[sentence]),
                "targets": targets,
            }
        )
    return sentences


def assert_holds(batch: Batch, sentences: list[dict[str, Any]]) -> None:
    """Check every tensor and list of a batch against its sentences; padding must be 0."""
    width = max((sentence["length"] for sentence in sentences), default=0)
    assert batch.token_ids_BL.shape == batch.mask_BL.shape == (len(sentences), width)
    assert (
        batch.lengths == batch.lengths_B.tolist() == [sentence["length"] for sentence in sentences]
    )
    assert batch.heads == [sentence["head"] for sentence in sentences]
    assert batch.domain_B.tolist() == [sentence["domain"] for sentence in sentences]
    assert batch.weights_B.tolist() == [sentence["weight"] for sentence in sentences]
    for i, sentence in enumerate(sentences):
        padding = [0] * (width - sentence["length"])
        assert batch.token_ids_BL[i].tolist() == sentence["tokens"] + padding
        assert batch.mask_BL[i].tolist() == [True] * sentence["length"] + [False] * len(padding)
    assert_targets(batch, sentences, width)


def assert_targets(batch: Batch, sentences: list[dict[str, Any]], width: int) -> None:
    """Check every target against its sentence; spans are padded with -1, all others with 0."""
    for owner, own in batch.all_targets.items():
        for name, tensor in own.tensors.items():
            assert len(tensor) == len(sentences) and (name != "tags" or tensor.shape[1] == width)
            assert tensor.dtype == (torch.float32 if name == "shares" else torch.long)
            for found, sentence in zip(tensor.tolist(), sentences, strict=True):
                expected = sentence["targets"].get((owner, name))
                if name == "number":
                    assert found == (expected or 0)
                elif name == "shares":
                    assert found == (expected or [0.0, 0.0])
                elif name == "tags":
                    assert found == (expected or []) + [0] * (width - len(expected or []))
                else:
                    assert found == (expected or []) + [[-1] * 3] * (
                        len(found) - len(expected or [])
                    )


@given(chosen_sentences)
def test_collate(members: list[tuple[str, int]]) -> None:
    batch = batch_of(members)
    assert len(batch) == batch.total == len(members)
    # Longest first, equal lengths in the given order.
    order = sorted(
        range(len(members)),
        key=lambda i: (-len(DATASETS[members[i][0]].instances[members[i][1]].text), i),
    )
    assert list(zip(batch.datasets, batch.sentence_ids, strict=True)) == [members[i] for i in order]
    assert_holds(batch, naive(batch))
    assert batch.totals == {
        head: len(batch.sentences_of(head)) for head in ("ab", "c") if head in batch.heads
    }
    assert batch.token_ids_BL.dtype == batch.domain_B.dtype == torch.long

    present = {name for name, _ in members}
    expected = {
        (owner, name)
        for dataset in present
        for owner, own in DATASETS[dataset].targets.items()
        for name in own
    }
    assert {
        (owner, name) for owner, own in batch.all_targets.items() for name in own.tensors
    } == expected
    assert all(
        (name in own.per_character) == (name == "tags")
        for own in batch.all_targets.values()
        for name in own.tensors
    )
    if "heads.ab" in batch.all_targets:
        most = max(COUNTS[sentence] for name, sentence in members if name in "ab")
        assert batch.all_targets["heads.ab"].tensors["spans"].shape == (len(batch), most, 3)


@given(chosen_sentences, st.data())
def test_select(members: list[tuple[str, int]], data: st.DataObject) -> None:
    batch = batch_of(members)
    sentences = data.draw(st.lists(st.sampled_from(range(len(batch))), max_size=15))
    part = batch.select(sentences)
    assert part.datasets == [batch.datasets[i] for i in sentences]
    assert part.sentence_ids == [batch.sentence_ids[i] for i in sentences]
    assert_holds(part, [naive(batch)[i] for i in sentences])
    assert (part.totals, part.total) == (batch.totals, batch.total)
    assert list(part.all_targets) == list(batch.all_targets)


def test_select_in_another_order_and_nothing() -> None:
    batch = batch_of([("a", 0), ("c", 2), ("u", 4)])
    assert batch.select([0, 1, 2]) is batch
    assert batch.select([2, 1, 0]).datasets == ["u", "a", "c"]
    nothing = batch.select([])
    assert len(nothing) == 0 and nothing.token_ids_BL.shape == (0, 0)
    assert nothing.owned_by("heads.c").targets["tags"].shape == (0, 0)


def test_each_owner_sees_its_own_targets() -> None:
    batch = batch_of([("a", 0), ("c", 2), ("u", 4)])
    assert batch.targets == {}
    assert set(batch.owned_by("heads.ab").targets) == {"number", "shares", "tags", "spans"}
    assert set(batch.owned_by("heads.c").targets) == {"tags"}
    # The sentences of b have no target of the objective: it is filled with 0.
    assert batch_of([("b", 0), ("u", 0)]).owned_by("objectives.0").targets["number"][0] == 0
    of_c = batch.owned_by("heads.c").select([0]).to(torch.device("cpu"))
    assert of_c.owner == "heads.c" and set(of_c.all_targets) == {"heads.c"}
    assert batch.owned_by("heads.none").targets == {} and set(batch.all_targets) > {"heads.ab"}


@given(chosen_sentences)
def test_sentences_of_a_head(members: list[tuple[str, int]]) -> None:
    batch = batch_of(members)
    for head in ("ab", "c", "no_such"):
        assert batch.sentences_of(head) == [
            i for i, sentence in enumerate(naive(batch)) if sentence["head"] == head
        ]


@pytest.mark.parametrize("change", [Batch.unlabelled, Batch.without_targets])
@given(members=chosen_sentences)
def test_without_labels(change: Callable[[Batch], Batch], members: list[tuple[str, int]]) -> None:
    batch = batch_of(members)
    bare = change(batch)
    heads = [None] * len(batch) if change is Batch.unlabelled else batch.heads
    assert (bare.all_targets, bare.heads) == ({}, heads)
    assert bare.totals == ({} if change is Batch.unlabelled else batch.totals)
    assert_holds(
        bare,
        [{**sentence, "head": head} for sentence, head in zip(naive(batch), heads, strict=True)],
    )
    # The batch itself is unchanged.
    assert_holds(batch, naive(batch))


@settings(max_examples=50)
@given(st.lists(chosen_sentences, min_size=1, max_size=4))
def test_share_totals(groups: list[list[tuple[str, int]]]) -> None:
    batches = [batch_of(members) for members in groups]
    shared = share_totals(batches)
    names = [name for members in groups for name, _ in members]
    counts = {"ab": names.count("a") + names.count("b"), "c": names.count("c")}
    for batch, before in zip(shared, batches, strict=True):
        assert batch.totals == {head: count for head, count in counts.items() if count}
        assert batch.total == len(names)
        assert batch.token_ids_BL is before.token_ids_BL
        assert before.total == len(before)


@pytest.mark.parametrize("members", [[("a", 0), ("u", 2)], [("u", 0)]])
def test_to_a_device(members: list[tuple[str, int]]) -> None:
    batch = batch_of(members)
    moved = batch.to(torch.device("meta"))
    tensors = {
        name: value for name, value in vars(moved).items() if isinstance(value, torch.Tensor)
    }
    assert {tensor.device.type for tensor in tensors.values()} == {"meta"} == {moved.device.type}
    assert set(tensors) == {
        name for name, value in vars(batch).items() if isinstance(value, torch.Tensor)
    }
    assert (moved.lengths, moved.heads, moved.totals) == (batch.lengths, batch.heads, batch.totals)
    assert batch.device.type == "cpu"
    for owner, own in batch.all_targets.items():
        targets = moved.owned_by(owner).targets
        assert {name: (value.device.type, value.shape) for name, value in targets.items()} == {
            name: ("meta", value.shape) for name, value in own.tensors.items()
        }


def test_an_empty_batch() -> None:
    batch = collate([])
    assert (
        len(batch) == batch.total == 0 and batch.token_ids_BL.shape == (0, 0) and batch.totals == {}
    )
