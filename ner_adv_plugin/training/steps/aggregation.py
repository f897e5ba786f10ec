"""torchjd's aggregators by name: what a config may say of them, and what they keep from step to step."""

import inspect
import typing
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, Literal, Union

import torch
from torch import Tensor

from ner_adv_plugin.common.binding import bind, check_keys
from ner_adv_plugin.common.errors import ConfigurationError, UserError, nearest
from ner_adv_plugin.common.schema import REQUIRED, parameters
from ner_adv_plugin.common.wording import SCALARS, in_words, listed

# All that these keep between steps is tensors and counts.
RESUMABLE = ("excessmtl", "gradvac", "pcd")
# What these make of gradients hangs on their size, in this step or against that of others.
SIZED = ("excessmtl", "fairgrad", "pcd")
PRIMARY = "primary"


class Aggregation:
    """Makes the gradients of several losses into one by an aggregator of torchjd's.

    One that keeps a state sees the same losses at every step, in the same order.

    # Parameters

    name : of the aggregator's class, in small letters.
    settings : arguments of its constructor. A vector of a number a loss is an object of numbers by the losses' names,
        of which a step takes those of its own losses. "pcd" takes also `primary`, the loss of its first sentence.

    Raises `ConfigurationError` where there is no such aggregator or it does not take such settings, `UserError` where
    a package is not installed.
    """

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        self.name = name
        self.made = _made(name)
        self.settings = _checked(name, self.made, settings)
        self.primary = self.settings.pop(PRIMARY, None)
        self.by_loss = [key for key, value in self.settings.items() if isinstance(value, dict)]
        self.aggregator = self._construct(
            {key: torch.tensor([*self.settings[key].values()]) for key in self.by_loss}
        )
        self.stateful = name in RESUMABLE
        # Of one that keeps a state: the losses and the length of their gradients, and what is to be put back.
        self.losses: list[str] = []
        self.length = 0
        self.kept: dict[str, Any] = {}

    def _construct(self, vectors: Mapping[str, Tensor]) -> Any:
        try:
            return self.made(**{**self.settings, **vectors})
        except ImportError as error:
            raise UserError(f'aggregator "{self.name}": {error}') from error
        except ValueError as error:
            raise ConfigurationError(str(error), "settings") from error

    def expect(self, losses: Sequence[str]) -> None:
        """`ConfigurationError` where an aggregator that keeps a state met other losses at the steps before."""
        if not self.stateful:
            return
        if self.primary is not None and self.primary not in losses:
            hint = nearest(self.primary, losses)
            raise _at_a_step(
                f'found no loss "{self.primary}".{hint} Losses of this step: {listed(losses)}',
                PRIMARY,
            )
        # The primary one's sentence is the first.
        ordered = sorted(losses, key=lambda loss: (loss != self.primary, loss))
        self.losses = self.losses or ordered
        if ordered != self.losses:
            raise _at_a_step(
                f'aggregator "{self.name}" keeps a state of every loss, so that every step must have them all: found '
                f"{listed(ordered)}, before {listed(self.losses)}. Put sentences of every dataset into each step: scheduler"
                ' "balanced", or more sentences or batches a step'
            )

    def __call__(self, gradients: Mapping[str, Tensor]) -> Tensor:
        """One gradient, (N,), of those of the losses by name, each (N,).

        Raises `ConfigurationError` where the aggregator does not take them.
        """
        if self.stateful:
            names = self.losses
        else:
            # One transfer from the device.
            reached = torch.stack([sentence.any() for sentence in gradients.values()]).tolist()
            names = [name for name, is_there in zip(gradients, reached, strict=True) if is_there]
            if not names:
                return next(iter(gradients.values()))
        matrix = torch.stack([gradients[name] for name in names])
        scale = matrix.new_ones(())
        if self.name not in SIZED:
            # Some take small gradients for none: bring them near 1, by a power of two, which rounds nothing.
            scale = torch.ldexp(scale, torch.frexp(torch.linalg.matrix_norm(matrix)).exponent)
        if self.by_loss:
            self.aggregator = self._construct(
                {key: self._vector(key, names, matrix) for key in self.by_loss}
            )
        if self.stateful:
            self._take_up(matrix)
        try:
            gradient: Tensor = self.aggregator(matrix / scale) * scale
        except ValueError as error:
            raise _at_a_step(
                f'aggregator "{self.name}" does not take the gradients of {listed(names)}, those of zeros left out:'
                f" {error}"
            ) from error
        return gradient

    def _vector(self, key: str, names: Sequence[str], matrix: Tensor) -> Tensor:
        """The numbers of these losses."""
        given = self.settings[key]
        for name in names:
            if name not in given:
                raise _at_a_step(f'no number for loss "{name}", only for {listed(given)}', key)
        return matrix.new_tensor([given[name] for name in names])

    def _take_up(self, matrix: Tensor) -> None:
        """Before the first step put back what was kept; no later one may be of another shape, which begins anew."""
        if self.length not in (0, matrix.shape[1]):
            raise _at_a_step(
                f'aggregator "{self.name}" keeps a state of the parameters that losses share, so that every step must'
                f" have the same: found {matrix.shape[1]} numbers, before {self.length}"
            )
        self.length = matrix.shape[1]
        if self.kept:
            # A first call makes the places, on their devices, and draws.
            with torch.random.fork_rng(devices=[]):
                self.aggregator(torch.zeros_like(matrix))
            _put_back(self.aggregator, self.kept, matrix.device)
            self.kept = {}

    def state_dict(self) -> dict[str, Any]:
        """What the aggregator keeps from step to step, in tensors and plain types."""
        if not self.stateful:
            return {}
        return {
            "losses": self.losses,
            "length": self.length,
            "kept": self.kept or _kept(self.aggregator),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        if self.stateful:
            self.losses, self.length = state["losses"], state["length"]
            self.kept = state["kept"] if self.length else {}


def _made(name: str) -> Any:
    """The aggregator class of this name."""
    try:
        import torchjd
        from torchjd import aggregation
    except ImportError as error:
        raise UserError(
            'step "aggregated" needs packages that are not installed: pip install "ner_adv_plugin[torchjd]"'
        ) from error
    classes = {own.lower(): getattr(aggregation, own) for own in aggregation.__all__}
    # Bases, and what is put together of Python objects, are for programs.
    found = {
        own: made
        for own, made in classes.items()
        if issubclass(made, aggregation.Aggregator)
        and not inspect.isabstract(made)
        and all(p.default is not REQUIRED or p.name in _annotations(made) for p in parameters(made))
    }
    lost = [
        own
        for own, made in found.items()
        if issubclass(made, torchjd.Stateful) and own not in RESUMABLE
    ]
    known = found.keys() - set(lost)
    if name in lost:
        raise ConfigurationError(
            f'"{name}" keeps a state from step to step that torchjd gives no way to save: a run that was stopped and'
            f" recovered would end as another. Expected one of {listed(known)}.",
            "aggregator",
        )
    if name not in known:
        raise ConfigurationError(
            f'found "{name}", expected one of {listed(known)}.{nearest(name, known)}', "aggregator"
        )
    return found[name]


def _annotations(made: Any) -> dict[str, Any]:
    """What a config may say of an aggregator: numbers and choices, and of vectors a number for every loss."""
    found: dict[str, Any] = {}
    for parameter in parameters(made):
        parts = typing.get_args(parameter.annotation) or (parameter.annotation,)
        if typing.get_origin(parameter.annotation) is Literal:
            parts = (parameter.annotation,)
        plain = [part for part in parts if part in SCALARS or typing.get_origin(part) is Literal]
        if Tensor in parts and not plain:
            plain = [dict[str, float]]
        if plain:
            found[parameter.name] = Union[tuple(plain + [NoneType] * (NoneType in parts))]  # noqa: UP007
    return found


def _checked(name: str, made: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, each of the type that the aggregator takes."""
    annotations = _annotations(made)
    required = {parameter.name for parameter in parameters(made) if parameter.default is REQUIRED}
    if name == "pcd":
        annotations[PRIMARY] = str
        required.add(PRIMARY)
    check_keys(settings, annotations, list(annotations), "settings")
    for key in sorted(required - settings.keys()):
        raise ConfigurationError(
            f"missing key, required here{in_words(annotations[key])}", f"settings.{key}"
        )
    return {
        key: bind(annotations[key], value, f"settings.{key}").build({})
        for key, value in settings.items()
    }


def _at_a_step(message: str, key: str = "") -> ConfigurationError:
    """An error that shows only when there are losses."""
    return ConfigurationError(message, f"trainer.step.settings.{key}".rstrip("."), absolute=True)


def _kept(aggregator: Any) -> dict[str, Any]:
    """Tensors and counts of an aggregator's modules, by their place."""
    found: dict[str, Any] = {}
    for place, module in aggregator.named_modules():
        counts = {key: value for key, value in vars(module).items() if type(value) is int}
        found.update(
            {f"{place}.{key}": value for key, value in {**module._buffers, **counts}.items()}
        )
    return found


def _put_back(aggregator: Any, kept: Mapping[str, Any], device: torch.device) -> None:
    for place, value in kept.items():
        module_place, _, key = place.rpartition(".")
        module = aggregator.get_submodule(module_place)
        if isinstance(value, Tensor):
            made = getattr(module, key)
            value = value.to(device if made is None else made.device)
        setattr(module, key, value)
