"""Sentences far longer than the encoder's window.

Entities at the borders of windows are found, and memory grows linearly with the sentence.
"""

import random
import tracemalloc
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.data.windows import cover
from ner_adv_plugin.inference import Predictor
from ner_adv_plugin.inference.predictions import predict_dataset
from ner_adv_plugin.modules.encoders import PretrainedTransformer, pretrained_transformer
from ner_adv_plugin.runs.train_job import train_model
from tests.tiny import ROOT, single_task_config

SURNAMES, GIVEN, OTHERS = "王李张刘陈", "伟芳娜敏静", "我们今天在北京看了一个新的电影"
WINDOW, OVERLAP = 16, 6
# Without [CLS] and [SEP].
SIZE = WINDOW - 2


def sentence_of(
    starts: Iterable[int], length: int, chance: random.Random
) -> tuple[str, list[Span]]:
    """Build a text with a name of three characters at each of these positions."""
    text = chance.choices(OTHERS, k=length)
    spans = []
    for start in starts:
        text[start : start + 3] = [chance.choice(SURNAMES), *chance.choices(GIVEN, k=2)]
        spans.append(Span(start, start + 3, "PER"))
    return "".join(text), spans


def conll(path: Path, count: int, seed: int) -> str:
    chance = random.Random(seed)
    blocks = []
    for _ in range(count):
        starts = range(chance.randint(0, 3), 35, chance.randint(4, 9))
        text, spans = sentence_of(starts, 38, chance)
        tags = get_scheme("BIO").tags(spans, 38)
        blocks.append("".join(f"{c}\t{tag}\n" for c, tag in zip(text, tags, strict=True)))
    path.write_text("\n".join(blocks), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """Train a model that recognises names by their characters, with short encoder windows."""
    folder = tmp_path_factory.mktemp("long")
    config = single_task_config(
        dataset_reader={"type": "conll", "head": "names"},
        train_data_path=conll(folder / "train", 120, 0),
        validation_data_path=conll(folder / "dev", 10, 1),
        model__tower={"type": "pass_through"},
        data_loader__batch_size=8,
        trainer__num_epochs=4,
        trainer__optimizer__lr=5e-3,
        trainer__validation_metric="+names_f1",
    )
    del config["test_data_path"], config["evaluate_on_test"]
    config["model"]["encoder"] = {
        "type": "pretrained_transformer",
        "model_name": str(ROOT / "fixtures" / "encoder"),
        "window": WINDOW,
        "overlap": OVERLAP,
    }
    train_model(config, folder / "run")
    return Predictor.from_path(folder / "run" / "model.tar.gz")


def borders_of(length: int) -> list[int]:
    """Return the positions at which the windows of a sentence meet."""
    return [window.keep_stop for window in cover(0, length, SIZE, OVERLAP)][:-1]


@pytest.mark.parametrize("before", [1, 2])
def test_an_entity_across_every_border_is_found(tagger: Predictor, before: int) -> None:
    length = 1000
    borders = borders_of(length)
    assert len(borders) > 100 and min(end - start for start, end in pairwise(borders)) > 3
    starts = [border - before for border in borders]
    text, spans = sentence_of(starts, length, random.Random(before))
    (answer,) = tagger.predict_batch_json([{"sentence": text}])
    assert answer["tags"] == get_scheme("BIO").tags(spans, length)
    assert [entity["start"] + before for entity in answer["entities"]] == borders


class Allocated(TorchDispatchMode):
    """Counts the bytes of all tensors that are created, including temporary ones."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0
        self.largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        inputs = {
            t.untyped_storage().data_ptr()
            for t in tree_leaves((args, kwargs))
            if isinstance(t, torch.Tensor)
        }
        for tensor in tree_leaves(out):
            # Views and in-place changes allocate no memory.
            if (
                isinstance(tensor, torch.Tensor)
                and tensor.untyped_storage().data_ptr() not in inputs
            ):
                self.bytes += tensor.untyped_storage().nbytes()
                self.largest = max(self.largest, tensor.untyped_storage().nbytes())
        return out


def costs(tagger: Predictor, length: int) -> tuple[int, int, int, int]:
    """Measure the prediction of a sentence and its loss.

    # Returns

    Encoded positions, and in bytes: all tensors created, the largest of them, and the peak of other
    memory.
    """
    chance = random.Random(length)
    text, spans = sentence_of(range(0, length - 3, 7), length, chance)
    model = tagger.archive.model
    sentences = EncodedDataset("names", [Instance(text, spans)], model.vocab, model.alphabet)
    sentences.targets = model.targets(sentences, training=False)
    tracemalloc.start()
    try:
        with Allocated() as allocated:
            found = predict_dataset(model, sentences, "names")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.loss is not None and found.loss[0] > 0 and found.spans.spans(0) == spans
    encoder = model.encoder
    assert isinstance(encoder, PretrainedTransformer)
    return encoder.positions, allocated.bytes, allocated.largest, peak


@pytest.mark.slow
def test_memory_grows_with_the_sentence(tagger: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    # With so few positions per call, both sentences take many calls.
    monkeypatch.setattr(pretrained_transformer, "MAX_POSITIONS", 256)
    short, long = costs(tagger, 500), costs(tagger, 2000)
    # The total of created tensors bounds the memory in use at any time.
    assert all(more <= 4.1 * less for less, more in zip(short, long, strict=True))
