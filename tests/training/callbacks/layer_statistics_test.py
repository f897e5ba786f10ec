"""Layer statistics against NumPy, and against layers called sentence by sentence."""

from typing import Any

import numpy as np
import pytest
import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import Model
from ner_adv_plugin.training.callbacks import layer_statistics
from ner_adv_plugin.training.callbacks.layer_statistics import (
    BINS,
    LayerWatch,
    histogram,
    layers,
    parameter_statistics,
    zero_fraction,
)
from tests.tiny import model_and_loader, tiny_config

LAYERS = {
    "encoder",
    *(f"towers.{name}" for name in ("shared", "weibo", "msra", "msr")),
    *(f"heads.{name}" for name in ("weibo", "msra", "msr")),
}


@Seq2SeqEncoder.register("rectified")
class Rectified(Seq2SeqEncoder):
    """A linear layer with ReLU; the outputs of padding are not 0."""

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(input_size, 5)

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        return self.layer(inputs).relu().masked_fill(~mask[..., None], 7.0)

    def get_input_dim(self) -> int:
        return self.layer.in_features

    def get_output_dim(self) -> int:
        return self.layer.out_features


def rectified_config(**overrides: Any) -> dict[str, Any]:
    """A config with towers that output zeros, and without dropout."""
    return tiny_config(
        model__tower={"type": "rectified"},
        model__encoder__dropout=0.0,
        model__head__dropout=0.0,
        **overrides,
    )


def outputs_by_hand(model: Model, batch: Batch) -> dict[str, np.ndarray]:
    """Compute the output of each layer for each sentence of a batch by itself.

    # Returns

    By layer the outputs for the characters of the sentences, (N, D), in no defined order.
    """
    sharing_model: Any = model
    states_BLD = sharing_model.encoder(batch)
    outputs: dict[str, list[Tensor]] = {}
    for sentence, (length, head) in enumerate(zip(batch.lengths, batch.heads, strict=True)):
        states_1LD = states_BLD[sentence : sentence + 1, :length]
        mask_1L = torch.ones(1, length, dtype=torch.bool)
        # The domain discriminator reads the shared tower for every sentence.
        by_tower = {
            name: sharing_model.towers[name](states_1LD, mask_1L)
            for name in {"shared", *sharing_model.graph.reads[head]}
        }
        read_1LD = torch.cat([by_tower[name] for name in sharing_model.graph.reads[head]], -1)

        by_layer = {f"towers.{name}": states for name, states in by_tower.items()}
        by_layer["encoder"] = states_1LD
        by_layer[f"heads.{head}"] = sharing_model.heads[head].projection(read_1LD)
        for name, states in by_layer.items():
            outputs.setdefault(name, []).append(states[0])
    return {name: torch.cat(sentences).detach().numpy() for name, sentences in outputs.items()}


def sorted_values(values: Any) -> np.ndarray:
    return np.sort(np.asarray(values).ravel())


# Bins of width 1: the bin of a value does not depend on rounding.
@given(st.lists(st.integers(0, BINS)).map(lambda values: [0, BINS, *values]))
def test_histogram_equals_that_of_numpy(values: list[int]) -> None:
    found = histogram(torch.tensor(values, dtype=torch.float32))
    assert found is not None
    counts, edges = np.histogram(values, BINS)
    assert found.counts == counts.tolist() and found.edges == edges.tolist()
    assert (found.total, found.squares) == (sum(values), sum(value**2 for value in values))


def test_histogram_of_many_values_is_counted_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    values = torch.arange(BINS + 1.0).repeat(3)
    whole = histogram(values)
    monkeypatch.setattr(layer_statistics, "MAX_EXACT_COUNT", 7)
    assert histogram(values) == whole and whole is not None and sum(whole.counts) == 3 * (BINS + 1)


@pytest.mark.parametrize("value", [0.0, -2.5, 1e30])
def test_histogram_of_one_value(value: float) -> None:
    found = histogram(torch.full((3, 4), value))
    assert found is not None and sum(found.counts) == 12
    assert found.edges[0] < value < found.edges[-1]
    assert found.total == pytest.approx(12 * value, rel=1e-6)


def test_histogram_ignores_values_that_are_not_finite() -> None:
    found = histogram(torch.tensor([1.0, torch.nan, 2.0, -torch.inf]))
    assert found is not None
    assert (sum(found.counts), found.total) == (2, 3)
    assert (found.edges[0], found.edges[-1]) == (1, 2)
    assert histogram(torch.tensor([torch.nan])) is None
    assert histogram(torch.zeros(0, 3)) is None


@given(st.lists(st.sampled_from([0.0, -0.0, 1e-30, 1.0, torch.nan]), min_size=1))
def test_fraction_of_zeros(values: list[float]) -> None:
    assert zero_fraction(torch.tensor(values)) == pytest.approx(
        sum(value == 0 for value in values) / len(values)
    )


def test_statistics_of_parameters() -> None:
    layer = torch.nn.Linear(3, 1)
    (layer(torch.randn(5, 3)) ** 2).sum().backward()
    layer.bias.grad = None
    weight, gradient = layer.weight.detach().numpy(), layer.weight.grad
    assert gradient is not None
    assert parameter_statistics(layer.named_parameters()) == pytest.approx(
        {
            "parameter_mean/weight": weight.mean(),
            "parameter_std/weight": weight.std(ddof=1),
            "gradient_mean/weight": gradient.numpy().mean(),
            "gradient_std/weight": gradient.numpy().std(ddof=1),
            "parameter_mean/bias": layer.bias.item(),
        }
    )
    assert parameter_statistics([]) == {}


def test_layers_are_encoder_towers_and_heads() -> None:
    assert set(layers(model_and_loader(tiny_config())[0])) == LAYERS


def test_submodules_of_a_layer_are_not_layers() -> None:
    outer = torch.nn.ModuleDict({"tower": Rectified(2), "towers": Rectified(2)})
    outer["tower"].inner = Rectified(2)
    assert set(layers(outer)) == {"tower", "towers"}


@pytest.mark.parametrize("head", ["global_pointer", "biaffine"])
def test_watch_collects_the_scores_of_all_spans(head: str) -> None:
    heads = {"weibo": {"type": head, "dropout": 0.0}}
    model, loader = model_and_loader(rectified_config(model__heads=heads))
    batches = list(loader)[:2]
    watch = LayerWatch(model)
    watch.start()
    for batch in batches:
        model(batch)
    found = histogram(watch.stop()["heads.weibo"])

    # A sentence by itself has no padding. For pairs that are not a span "biaffine" outputs 0 for
    # "none", "global_pointer" nothing.
    sharing_model: Any = model.eval()
    scores = []
    for batch in batches:
        for sentence in batch.sentences_of("weibo"):
            one = batch.select([sentence]).without_targets()
            _, output = sharing_model.output(one, "weibo")
            length = one.lengths[0]
            pairs = torch.ones(length, length, dtype=torch.bool).triu()
            by_pair = output[0].permute(1, 2, 0) if head == "global_pointer" else output[0]
            scores.append(by_pair[pairs].flatten())
    values = torch.cat(scores).detach()
    assert found is not None and found.total == pytest.approx(float(values.sum()), rel=1e-4)
    assert found.squares == pytest.approx(float(values.square().sum()), rel=1e-4)
    assert sum(found.counts) == len(values) or head == "biaffine"


def test_watch_collects_outputs_for_characters() -> None:
    model, loader = model_and_loader(rectified_config())
    batches = list(loader)[:2]
    watch = LayerWatch(model)
    watch.start()
    for batch in batches:
        model(batch)
    model.eval()
    model(batches[0])
    model.train()
    found = watch.stop()
    model(batches[0])
    assert watch.stop() == {}

    by_hand = [outputs_by_hand(model, batch) for batch in batches]
    assert set(found) == set().union(*by_hand) and len(found) >= 6
    for name, values in found.items():
        expected = np.concatenate([outputs[name] for outputs in by_hand if name in outputs])
        assert values.shape == expected.shape and not values.requires_grad
        np.testing.assert_allclose(
            sorted_values(values), sorted_values(expected), rtol=1e-5, atol=1e-6
        )
        assert zero_fraction(values) == pytest.approx((expected == 0).mean())
    assert zero_fraction(found["towers.shared"]) > 0.1 and zero_fraction(found["encoder"]) == 0
