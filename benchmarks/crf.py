"""The CRF compared with pytorch-crf."""

from collections.abc import Callable

import torch
from torch import Tensor
from torchcrf import CRF

from benchmarks.options import Options
from benchmarks.report import Figure, Report
from benchmarks.timing import interleaved
from ner_adv_plugin.modules.crf import ConditionalRandomField


def run(options: Options) -> Report:
    """Compare the likelihood with its gradient, and decoding, for B = 32, L = 145, T = 9.

    Errors are relative to pytorch-crf in float64.
    """
    sentences, length, tags = (3, 7, 4) if options.tiny else (32, 145, 9)
    torch.manual_seed(0)
    ours = ConditionalRandomField(tags)
    theirs = CRF(tags, batch_first=True)
    theirs.load_state_dict(ours.state_dict())
    emissions = torch.randn(sentences, length, tags)
    gold = torch.randint(tags, (sentences, length))
    lengths = torch.linspace(length, length // 2, sentences).long()
    mask = torch.arange(length) < lengths[:, None]

    def own_gradient() -> tuple[Tensor, ...]:
        return gradients(lambda scores: ours(scores, gold, mask).sum(), ours, emissions)

    def their_gradient() -> tuple[Tensor, ...]:
        return gradients(
            lambda scores: -theirs(scores, gold, mask, reduction="sum"), theirs, emissions
        )

    seconds = interleaved(
        {
            "gradient": own_gradient,
            "their gradient": their_gradient,
            "decoding": lambda: ours.decode(emissions, mask),
            "their decoding": lambda: theirs.decode(emissions, mask),
        },
        1 if options.tiny else 15,
    )
    best = ours.decode(emissions, mask)
    same = [
        sentence[: len(path)].tolist() == path
        for sentence, path in zip(best, theirs.decode(emissions, mask), strict=True)
    ]

    ours_float32 = own_gradient()
    theirs_float32 = their_gradient()
    theirs.double()
    exact = gradients(
        lambda scores: -theirs(scores, gold, mask, reduction="sum"), theirs, emissions.double()
    )

    gradient_ratio = seconds["their gradient"] / seconds["gradient"]
    shape = f"{sentences} sentences, {length // 2} to {length} positions, {tags} tags"
    return Report(
        [
            Figure("likelihood with gradient", 1e3 * seconds["gradient"], "ms"),
            Figure("likelihood with gradient, pytorch-crf", 1e3 * seconds["their gradient"], "ms"),
            Figure("pytorch-crf over ours, gradient", gradient_ratio, at_least=5),
            Figure("decoding", 1e3 * seconds["decoding"], "ms"),
            Figure("decoding, pytorch-crf", 1e3 * seconds["their decoding"], "ms"),
            Figure(
                "pytorch-crf over ours, decoding",
                seconds["their decoding"] / seconds["decoding"],
                at_least=2,
            ),
            Figure("sentences decoded alike", sum(same) / sentences, at_least=1),
            Figure(
                "relative error of likelihood and gradients",
                error(ours_float32, exact),
                at_most=1e-6,
            ),
            Figure("the same of pytorch-crf in float32", error(theirs_float32, exact)),
        ],
        [f"{shape}; errors relative to pytorch-crf in float64"],
    )


def gradients(
    loss_of: Callable[[Tensor], Tensor], crf: torch.nn.Module, emissions: Tensor
) -> tuple[Tensor, ...]:
    """Return a loss and its gradients.

    # Parameters

    loss_of : computes the loss from emissions.
    crf : the CRF.
    emissions : of shape (B, L, T).

    # Returns

    The loss, the gradient of the emissions, and those of the parameters, ordered by name.
    """
    leaf = emissions.clone().requires_grad_()
    loss = loss_of(leaf)
    parameters = [parameter for _, parameter in sorted(crf.named_parameters())]
    return (loss.detach(), *torch.autograd.grad(loss, [leaf, *parameters]))


def error(actual: tuple[Tensor, ...], exact: tuple[Tensor, ...]) -> float:
    """Return the largest relative error, in norm, of any of several tensors."""
    pairs = zip(actual, exact, strict=True)
    return max(float((one.double() - other).norm() / other.norm()) for one, other in pairs)
