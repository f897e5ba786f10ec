"""Linear layers by oneDNN against products in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ner_adv_plugin.modules import products

needs_onednn = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="this torch has no oneDNN"
)


@pytest.fixture(autouse=True)
def vendor(monkeypatch):
    """Let oneDNN compute, whatever the CPU."""
    monkeypatch.setattr(products, "uses_onednn", lambda: True)
    monkeypatch.setattr(products, "FEWEST_MULTIPLICATIONS", 1)


def product(*tensors: Tensor | None) -> tuple[Tensor, ...]:
    """Outputs and gradients of `linear`."""
    leaves = [t if t is None else t.detach().requires_grad_() for t in tensors]
    outputs = products.linear(*leaves)
    (outputs * torch.arange(1.0, 1 + outputs.shape[-1], dtype=outputs.dtype)).sum().backward()
    return outputs, *(leaf.grad for leaf in leaves if leaf is not None)


@needs_onednn
@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=3),
    st.integers(1, 70),
    st.integers(1, 70),
    st.booleans(),
)
def test_outputs_and_gradients_are_those_of_float64(shape, inputs, outputs, has_bias):
    shape = [*shape, inputs]
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(*shape, generator=generator)
    if len(shape) > 2:
        values = values.transpose(0, 1)
    weight = torch.randn(inputs, outputs, generator=generator).t()
    bias = torch.randn(outputs, generator=generator) if has_bias else None
    found = product(values, weight, bias)
    exact = product(values.double(), weight.double(), None if bias is None else bias.double())
    assert products._by_onednn(values, weight)
    for one, other in zip(found, exact, strict=True):
        assert (one - other).abs().max() <= 1e-5 * other.abs().max()


@needs_onednn
def test_gradient_of_a_gradient():
    rows = torch.randn(40, 5).requires_grad_()
    weight = torch.randn(7, 5).requires_grad_()

    def penalty(linear) -> list[Tensor]:
        (gradient,) = torch.autograd.grad(
            linear(rows, weight).tanh().sum(), rows, create_graph=True
        )
        return torch.autograd.grad(gradient.square().sum(), (rows, weight))

    for one, other in zip(
        penalty(products.linear), penalty(torch.nn.functional.linear), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@needs_onednn
def test_only_parameters_that_train_get_gradients():
    layer = products.Linear(4, 3)
    layer.weight.requires_grad_(False)
    # The gradient of a sum has strides of 0.
    layer(torch.randn(50, 4)).sum().backward()
    assert layer.weight.grad is None
    assert torch.equal(layer.bias.grad, torch.full((3,), 50.0))


@pytest.mark.parametrize(
    "inputs",
    [
        torch.randn(0, 4),
        torch.randn(5, 0),
        torch.randn(50, 4, dtype=torch.float64),
        torch.randn(50, 4, dtype=torch.bfloat16),
    ],
)
def test_torch_computes_empty_products_and_other_precisions(inputs):
    weight = torch.randn(3, inputs.shape[-1], dtype=inputs.dtype)
    expected = torch.nn.functional.linear(inputs, weight)
    assert torch.equal(products.linear(inputs, weight), expected)


def test_torch_computes_small_products(monkeypatch):
    monkeypatch.setattr(products, "FEWEST_MULTIPLICATIONS", 5 * 4 * 3 + 1)
    assert not products._by_onednn(torch.randn(5, 4), torch.randn(3, 4))
    assert products._by_onednn(torch.randn(6, 4), torch.randn(3, 4))


@needs_onednn
def test_no_gradient_where_the_loss_does_not_reach():
    weight = torch.randn(3, 4).requires_grad_()

    class First(torch.autograd.Function):
        @staticmethod
        def forward(ctx, one, other):
            ctx.set_materialize_grads(False)
            return one.clone(), other.clone()

        @staticmethod
        def backward(ctx, *gradients):
            return gradients

    leaf = torch.ones(2).requires_grad_()
    First.apply(leaf, products.linear(torch.randn(50, 4), weight))[0].sum().backward()
    assert leaf.grad is not None and weight.grad is None


def test_torch_computes_in_autocast_and_in_traces():
    layer, inputs = products.Linear(4, 3), torch.randn(50, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(inputs).dtype == torch.bfloat16
    traced = torch.jit.trace(layer, inputs)
    assert "aten::linear" in str(traced.inlined_graph)


@pytest.mark.parametrize(
    ("text", "capability", "expected"),
    [
        ("vendor_id\t: AuthenticAMD", "AVX512", True),
        ("vendor_id\t: AuthenticAMD", "AVX2", False),
        ("vendor_id\t: GenuineIntel", "AVX512", False),
        ("", "AVX512", False),
    ],
)
@needs_onednn
def test_onednn_computes_on_cpus_of_amd_with_avx512(monkeypatch, text, capability, expected):
    monkeypatch.undo()
    monkeypatch.setattr(products, "_vendor", lambda: text)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    assert products.uses_onednn.__wrapped__() == expected


def test_rows_are_added_to_whole_sixteens():
    assert [products.padding_rows(rows) for rows in (1, 16, 17, 100)] == [15, 0, 15, 12]
