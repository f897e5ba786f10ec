"""Gradient reversal."""

import torch

from ner_adv_plugin.modules.gradient_reversal import reverse_gradient


def test_gradients_of_feature_extractor_and_discriminator() -> None:
    # f = w x, d = v f, loss = (d - y)^2 / 2 with x = 3, w = 2, v = 1/2, y = 1, so that f = 6, d = 3
    # and d - y = 2.
    w, v = torch.tensor(2.0, requires_grad=True), torch.tensor(0.5, requires_grad=True)
    (0.5 * (v * reverse_gradient(w * 3.0, 0.25) - 1.0) ** 2).backward()
    assert v.grad == 12.0  # (d - y) f
    assert w.grad == -0.25 * 3.0  # -lambda (d - y) v x


def test_only_the_reversed_branch_is_reversed() -> None:
    state = torch.tensor([1.0, -2.0], requires_grad=True)
    (3 * state + reverse_gradient(state, 2.0)).sum().backward()
    assert state.grad is not None and state.grad.tolist() == [1.0, 1.0]


def test_forward_is_identity_and_scale_zero_stops_the_gradient() -> None:
    states = torch.randn(2, 3, 4, requires_grad=True)
    output = reverse_gradient(states, 0.0)
    assert torch.equal(output, states)
    output.sum().backward()
    assert states.grad is not None and not states.grad.any()
