"""What is to be seen of parameters and of the outputs of layers: means, histograms, fractions of zeros."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.encoders import Encoder
from ner_adv_plugin.modules.heads import Head, TaggingHead

BINS = 64
# float32 counts exactly so far.
COUNTABLE = 1 << 24


@dataclass(frozen=True)
class Histogram:
    """How values spread.

    # Parameters

    counts : values in each of `BINS` bins of one width.
    edges : of the bins, rising, one more than bins.
    total, squares : sum of the values, and of their squares.
    """

    counts: list[int]
    edges: list[float]
    total: float
    squares: float


def histogram(values: Tensor) -> Histogram | None:
    """The histogram of all finite values of a tensor, made where it is; None where there are none."""
    flat = values.detach().flatten()
    flat = flat[flat.isfinite()]
    if not len(flat):
        return None
    low, high = (float(bound) for bound in flat.aminmax())
    margin = 0.5 * max(abs(low), 1.0) if low == high else 0.0
    low, high = low - margin, high + margin
    counts = torch.zeros(BINS, dtype=torch.float64, device=flat.device)
    sums = torch.zeros(2, dtype=torch.float64, device=flat.device)
    for part in flat.split(COUNTABLE):
        counts += torch.histc(part.float(), BINS, low, high)
        sums += torch.stack([part.sum(dtype=torch.float64), part.double().square().sum()])
    total, squares = sums.tolist()
    edges = torch.linspace(low, high, BINS + 1, dtype=torch.float64).tolist()
    return Histogram([int(count) for count in counts.tolist()], edges, total, squares)


def zero_fraction(values: Tensor) -> float:
    """How much of a tensor, which must not be empty, is exactly 0."""
    return 1 - int(torch.count_nonzero(values)) / values.numel()


def parameter_statistics(parameters: Iterable[tuple[str, torch.nn.Parameter]]) -> dict[str, float]:
    """Mean and standard deviation of every parameter and gradient, as `parameter_mean/<name>` and the like."""
    found: dict[str, Tensor] = {}
    for name, parameter in parameters:
        for kind, values in (("parameter", parameter.detach()), ("gradient", parameter.grad)):
            if values is not None and values.numel():
                found[f"{kind}_mean/{name}"] = values.float().mean()
                if values.numel() > 1:
                    found[f"{kind}_std/{name}"] = values.float().std()
    # One transfer for all.
    return (
        dict(zip(found, torch.stack(list(found.values())).tolist(), strict=True)) if found else {}
    )


def layers(model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """The encoder, the towers and the heads of a model by their names in it, without what they are made of."""
    found: dict[str, torch.nn.Module] = {}
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer in found)
        if isinstance(module, Encoder | Seq2SeqEncoder | Head) and not inside:
            found[name] = module
    return found


class LayerWatch:
    """Keeps what layers give in training, while it is asked to: states of encoder and towers, emissions of heads.

    # Parameters

    model : whose layers to watch.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._hooks: list[RemovableHandle] = []
        self._outputs: dict[str, list[Tensor]] = {}

    def start(self) -> None:
        """Keep outputs from now on; nothing of validation is kept."""
        for name, module in layers(self._model).items():
            self._hooks.append(module.register_forward_hook(partial(self._keep, name)))

    def stop(self) -> dict[str, Tensor]:
        """Keep no more; what was kept, by layer: (N, D), a sentence a character, all batches of the step together."""
        for hook in self._hooks:
            hook.remove()
        outputs = {name: torch.cat(parts) for name, parts in self._outputs.items()}
        self._hooks, self._outputs = [], {}
        return outputs

    def _keep(
        self, name: str, module: torch.nn.Module, arguments: tuple[Any, ...], output: Any
    ) -> None:
        if not self._model.training or not isinstance(output, Tensor):
            return
        # Encoders and heads take a batch, towers the mask; padding says nothing.
        last = arguments[-1]
        mask_BL = last.mask_BL if isinstance(last, Batch) else last
        by_character = isinstance(module, TaggingHead) or not isinstance(module, Head)
        values = output.detach()[mask_BL] if by_character else output.detach().flatten()
        self._outputs.setdefault(name, []).append(values)
