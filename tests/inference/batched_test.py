"""Concurrent inference, compared with sequential inference."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from numpy.testing import assert_allclose

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.loaders import evaluation_batches
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.inference.batched import MAX_WORKERS, infer
from ner_adv_plugin.inference.predictions import predict_dataset
from ner_adv_plugin.inference.ranking import rank_readings
from ner_adv_plugin.models import Model
from tests.data.sentences import ner_reader, of_lengths, realistic_lengths, sentences_of


class Listener(Model):
    """A model without a forward pass."""

    def __init__(self) -> None:
        super().__init__(
            Vocabulary.from_instances(
                {"train": {"a": sentences_of(("字", "O"))}}, {"a": ner_reader("a")}
            )
        )
        self.anchor = torch.nn.Parameter(torch.zeros(()))


@pytest.fixture(scope="module")
def sentences() -> EncodedDataset:
    return of_lengths(a=[0, *realistic_lengths(60)])["a"]


@pytest.fixture
def four_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(threads)


def threads_of_a_new_thread() -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize(("batch_size", "workers", "threads"), [(10, 4, 1), (40, 2, 2), (64, 1, 4)])
def test_as_many_concurrent_batches_as_threads(
    sentences: EncodedDataset, batch_size: int, workers: int, threads: int
) -> None:
    # The barrier opens only if all workers are busy; the last batches may be too few for that.
    whole = sum(1 for _ in evaluation_batches(sentences, batch_size)) // workers * workers
    barrier, asked = threading.Barrier(workers), iter(range(whole))

    def ask(batch: Batch) -> tuple[int, int, bool, bool]:
        if next(asked, None) is not None:
            barrier.wait(timeout=30)
        return (
            threading.get_ident(),
            torch.get_num_threads(),
            torch.is_inference_mode_enabled(),
            model.training,
        )

    model = Listener().train()
    answers = []
    for _, answer in infer(model, sentences, ask, batch_size, ""):
        answers.append(answer)
        # Other threads keep their setting.
        assert torch.get_num_threads() == threads_of_a_new_thread() == 4
    assert len({ident for ident, *_ in answers}) == workers
    assert {tuple(rest) for _, *rest in answers} == {(threads, True, False)}
    assert model.training


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_every_batch_once_and_in_order(sentences: EncodedDataset, batch_size: int) -> None:
    found = list(infer(Listener(), sentences, lambda batch: batch.sentence_ids, batch_size, ""))
    assert all(
        batch.sentence_ids == answer and len(answer) <= batch_size for batch, answer in found
    )
    expected = [
        sentence for batch in evaluation_batches(sentences, 64) for sentence in batch.sentence_ids
    ]
    assert [sentence for _, answer in found for sentence in answer] == expected


@pytest.mark.usefixtures("four_threads")
def test_concurrent_batches_do_not_exceed_the_memory_of_one() -> None:
    """Concurrent batches together hold at most as many positions as a single one may."""
    sentences = of_lengths(a=[1000] * 80)["a"]
    alone = max(batch.token_ids_BL.numel() for batch in evaluation_batches(sentences, 64))
    each = [
        batch.token_ids_BL.numel()
        for batch, _ in infer(Listener(), sentences, lambda b: None, 64, "")
    ]
    assert 1000 < max(each) * 2 <= alone
    assert MAX_WORKERS >= 2


@pytest.mark.usefixtures("four_threads")
def test_threads_inherit_the_autocast_precision(sentences: EncodedDataset) -> None:
    def ask(batch: Batch) -> tuple[bool, torch.dtype]:
        return torch.is_autocast_enabled("cpu"), (torch.ones(2, 2) @ torch.ones(2, 2)).dtype

    with torch.autocast("cpu", dtype=torch.bfloat16):
        answers = {answer for _, answer in infer(Listener(), sentences, ask, 10, "")}
    assert answers == {(True, torch.bfloat16)}
    assert {answer for _, answer in infer(Listener(), sentences, ask, 10, "")} == {
        (False, torch.float32)
    }


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("batch_size", [3, 100])
def test_errors_propagate(sentences: EncodedDataset, batch_size: int) -> None:
    def ask(batch: Batch) -> None:
        if 5 in batch.sentence_ids:
            raise ZeroDivisionError("sentence 5")

    model = Listener().train()
    with pytest.raises(ZeroDivisionError, match="sentence 5"):
        list(infer(model, sentences, ask, batch_size, ""))
    assert model.training


@pytest.mark.usefixtures("four_threads")
def test_stopping_early_ends_all_threads(sentences: EncodedDataset) -> None:
    before, asked = threading.active_count(), []
    found = infer(Listener().train(), sentences, lambda batch: asked.append(batch), 1, "")
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert len(asked) < len(sentences) - 10


def test_threads_do_not_change_predictions(tiny_run: Path, fixture_data: Path) -> None:
    archive = load_archive(tiny_run)
    path = fixture_data / "weibo" / "weiboNER_2nd_conll.train"
    read = archive.reader.readers["weibo"].read(path)
    sentences = EncodedDataset("weibo", read, archive.model.vocab, archive.model.alphabet)
    sentences.targets = archive.model.targets(sentences, training=False)
    found = []
    threads = torch.get_num_threads()
    for count in (1, 3):
        torch.set_num_threads(count)
        predictions = predict_dataset(archive.model, sentences, "weibo", 4)
        found.append((predictions, rank_readings(archive.model, sentences, "weibo", 3, 4)))
    torch.set_num_threads(threads)

    (tagged, ranked), (tagged_by_three, ranked_by_three) = found
    assert list(tagged.spans) == list(tagged_by_three.spans)
    assert tagged.loss is not None and tagged_by_three.loss is not None
    assert_allclose(tagged.loss, tagged_by_three.loss, rtol=1e-4)
    assert tagged.spans.scores_S is not None and tagged_by_three.spans.scores_S is not None
    assert_allclose(tagged.spans.scores_S, tagged_by_three.spans.scores_S, atol=1e-4)
    best, best_by_three = (
        [[s.span for s in own[0]] for own in r.spans] for r in (ranked, ranked_by_three)
    )
    assert best == best_by_three
    assert_allclose(ranked.scores_RN, ranked_by_three.scores_RN, rtol=1e-4)
