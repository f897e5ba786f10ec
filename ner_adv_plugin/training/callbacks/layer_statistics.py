"""Statistics of parameters and of layer outputs: means, histograms, fractions of zeros."""

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
# float32 represents integers exactly up to this one.
MAX_EXACT_COUNT = 1 << 24


@dataclass(frozen=True)
class Histogram:
    """Histogram of values.

    # Parameters

    counts : number of values in each of `BINS` bins of equal width.
    edges : edges of the bins in increasing order, one more than bins.
    total, squares : sum of the values, and of their squares.
    """

    counts: list[int]
    edges: list[float]
    total: float
    squares: float


def histogram(values: Tensor) -> Histogram | None:
    """Compute the histogram of all finite values of a tensor, on the tensor's device.

    # Parameters

    values : tensor of any shape.

    # Returns

    The histogram; None if no value is finite.

    # Examples

    >>> import torch
    >>> result = histogram(torch.tensor([0.0, 1.0, 1.0]))
    >>> result.counts[0], result.counts[-1], result.total
    (1, 2, 2.0)
    """
    flat = values.detach().flatten()
    flat = flat[flat.isfinite()]
    if not len(flat):
        return None

    low, high = (float(bound) for bound in flat.aminmax())
    margin = 0.5 * max(abs(low), 1.0) if low == high else 0.0
    low, high = low - margin, high + margin

    counts = torch.zeros(BINS, dtype=torch.float64, device=flat.device)
    sums = torch.zeros(2, dtype=torch.float64, device=flat.device)
    for chunk in flat.split(MAX_EXACT_COUNT):
        counts += torch.histc(chunk.float(), BINS, low, high)
        sums += torch.stack([chunk.sum(dtype=torch.float64), chunk.double().square().sum()])

    total, squares = sums.tolist()
    edges = torch.linspace(low, high, BINS + 1, dtype=torch.float64).tolist()
    return Histogram([int(count) for count in counts.tolist()], edges, total, squares)


def zero_fraction(values: Tensor) -> float:
    """Return the fraction of exact zeros in a non-empty tensor."""
    return 1 - int(torch.count_nonzero(values)) / values.numel()


def parameter_statistics(parameters: Iterable[tuple[str, torch.nn.Parameter]]) -> dict[str, float]:
    """Compute mean and standard deviation of every parameter and its gradient.

    # Parameters

    parameters : parameters by name.

    # Returns

    Numbers by `parameter_mean/<name>`, `parameter_std/<name>`, `gradient_mean/<name>` and
    `gradient_std/<name>`. Parameters without values or gradient are left out.
    """
    statistics: dict[str, Tensor] = {}
    for name, parameter in parameters:
        for label, values in (("parameter", parameter.detach()), ("gradient", parameter.grad)):
            if values is not None and values.numel():
                statistics[f"{label}_mean/{name}"] = values.float().mean()
                if values.numel() > 1:
                    statistics[f"{label}_std/{name}"] = values.float().std()
    if not statistics:
        return {}

    # One transfer from the device for all.
    numbers = torch.stack(list(statistics.values())).tolist()
    return dict(zip(statistics, numbers, strict=True))


def layers(model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """Return encoder, towers and heads of a model by module name, without their submodules."""
    result: dict[str, torch.nn.Module] = {}
    for name, module in model.named_modules():
        is_submodule = any(name.startswith(f"{outer}.") for outer in result)
        if isinstance(module, Encoder | Seq2SeqEncoder | Head) and not is_submodule:
            result[name] = module
    return result


class LayerWatch:
    """Collect layer outputs in training between `start` and `stop`.

    The outputs are the states of the encoder and the towers, and the scores of the heads.

    # Parameters

    model : model whose layers are watched.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._hooks: list[RemovableHandle] = []
        self._outputs: dict[str, list[Tensor]] = {}

    def start(self) -> None:
        """Start collecting outputs; those of validation are ignored."""
        for name, module in layers(self._model).items():
            self._hooks.append(module.register_forward_hook(partial(self._keep, name)))

    def stop(self) -> dict[str, Tensor]:
        """Stop collecting outputs.

        # Returns

        The outputs of all batches since `start`, by layer: (N, D) with one row per character for
        encoder, towers and tagging heads, (N,) for other heads.
        """
        for hook in self._hooks:
            hook.remove()
        outputs = {name: torch.cat(batches) for name, batches in self._outputs.items()}

        self._hooks, self._outputs = [], {}
        return outputs

    def _keep(
        self, name: str, module: torch.nn.Module, arguments: tuple[Any, ...], output: Any
    ) -> None:
        if not self._model.training or not isinstance(output, Tensor):
            return

        # The last argument is a batch for the encoder and heads, the mask for towers.
        last = arguments[-1]
        mask_BL = last.mask_BL if isinstance(last, Batch) else last
        by_character = isinstance(module, TaggingHead) or not isinstance(module, Head)
        values = output.detach()[mask_BL] if by_character else output.detach().flatten()
        self._outputs.setdefault(name, []).append(values)
