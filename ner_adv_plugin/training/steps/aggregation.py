"""Aggregators of torchjd by name: their settings in a config, and their state."""

import inspect
import typing
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, Literal, Union

import torch
from torch import Tensor

from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.errors import ConfigurationError, UserError, nearest
from ner_adv_plugin.common.extras import require_extra
from ner_adv_plugin.common.keys import check_keys
from ner_adv_plugin.common.schema import REQUIRED, parameters
from ner_adv_plugin.common.wording import SCALARS, in_words, listed

# Stateful aggregators whose state consists of tensors and integers only.
RESUMABLE = ("excessmtl", "gradvac", "pcd")
# Aggregators that are not positively homogeneous, or compare gradients across steps: their input
# must not be rescaled.
SCALE_SENSITIVE = ("excessmtl", "fairgrad", "pcd")
PRIMARY = "primary"


class Aggregation:
    """Combine the gradients of several losses with an aggregator of torchjd.

    A stateful aggregator gets the same losses in the same order at every step.

    # Parameters

    name : class name of the aggregator, in lower case.
    settings : arguments of its constructor. A vector with one number per loss is an object of
        numbers by the names of losses; a step uses the numbers of its own losses. "pcd" also takes
        `primary`, the name of its primary loss.

    # Raises

    ConfigurationError : if the aggregator does not exist or does not accept the settings.
    UserError : if a package is not installed.
    """

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        self.name = name
        self.aggregator_class = _aggregator_class(name)
        self.settings = _checked(name, self.aggregator_class, settings)
        self.primary = self.settings.pop(PRIMARY, None)
        self.by_loss = [key for key, value in self.settings.items() if isinstance(value, dict)]
        self.aggregator = self._construct(
            {key: torch.tensor([*self.settings[key].values()]) for key in self.by_loss}
        )

        # Of a stateful aggregator: the losses and the size of their gradients at previous steps,
        # and a loaded state that is not yet restored.
        self.stateful = name in RESUMABLE
        self.losses: list[str] = []
        self.size = 0
        self.loaded_state: dict[str, Any] = {}

    def _construct(self, vectors: Mapping[str, Tensor]) -> Any:
        try:
            return self.aggregator_class(**{**self.settings, **vectors})
        except ImportError as error:
            raise UserError(f'aggregator "{self.name}": {error}') from error
        except ValueError as error:
            raise ConfigurationError(str(error), "settings") from error

    def check_losses(self, losses: Sequence[str]) -> None:
        """Check that a stateful aggregator gets the same losses as at previous steps.

        # Parameters

        losses : names of the losses of the step.

        # Raises

        ConfigurationError : if they differ, or the primary loss is missing.
        """
        if not self.stateful:
            return

        if self.primary is not None and self.primary not in losses:
            hint = nearest(self.primary, losses)
            raise _step_error(
                f'no loss "{self.primary}".{hint} Losses of this step: {listed(losses)}',
                PRIMARY,
            )

        # The primary loss is the first row.
        ordered = sorted(losses, key=lambda loss: (loss != self.primary, loss))
        self.losses = self.losses or ordered
        if ordered != self.losses:
            raise _step_error(
                f'aggregator "{self.name}" keeps a state for each loss and needs the same losses at'
                f" every step: found {listed(ordered)}, before {listed(self.losses)}. Put sentences"
                ' of every dataset into each step: use scheduler "balanced", a larger batch size or'
                " more accumulation steps"
            )

    def __call__(self, gradients: Mapping[str, Tensor]) -> Tensor:
        """Aggregate the gradients of the losses.

        # Parameters

        gradients : gradient of each loss, (N,), by name.

        # Returns

        The aggregated gradient, (N,).

        # Raises

        ConfigurationError : if the aggregator rejects the gradients.
        """
        if self.stateful:
            names = self.losses
        else:
            # One transfer from the device for all.
            nonzero = torch.stack([gradient.any() for gradient in gradients.values()]).tolist()
            names = [
                name for name, is_nonzero in zip(gradients, nonzero, strict=True) if is_nonzero
            ]
            if not names:
                return next(iter(gradients.values()))

        matrix = torch.stack([gradients[name] for name in names])
        scale = matrix.new_ones(())
        if self.name not in SCALE_SENSITIVE:
            # Some aggregators treat small gradients as zero: scale the norm to about 1. Scaling by
            # a power of two is exact.
            scale = torch.ldexp(scale, torch.frexp(torch.linalg.matrix_norm(matrix)).exponent)

        if self.by_loss:
            self.aggregator = self._construct(
                {key: self._vector(key, names, matrix) for key in self.by_loss}
            )
        if self.stateful:
            self._restore_state(matrix)

        try:
            gradient: Tensor = self.aggregator(matrix / scale) * scale
        except ValueError as error:
            raise _step_error(
                f'aggregator "{self.name}" rejects the gradients of {listed(names)} (gradients of'
                f" zeros are left out): {error}"
            ) from error
        return gradient

    def _vector(self, key: str, names: Sequence[str], matrix: Tensor) -> Tensor:
        """Return the numbers of these losses as a vector."""
        numbers = self.settings[key]
        for name in names:
            if name not in numbers:
                raise _step_error(f'no number for loss "{name}", only for {listed(numbers)}', key)
        return matrix.new_tensor([numbers[name] for name in names])

    def _restore_state(self, matrix: Tensor) -> None:
        """Restore a loaded state before the first step.

        # Parameters

        matrix : gradients of the step. torchjd resets its state if their shape changes.

        # Raises

        ConfigurationError : if their size differs from that at previous steps.
        """
        if self.size not in (0, matrix.shape[1]):
            raise _step_error(
                f'aggregator "{self.name}" keeps a state for the shared parameters, which must be'
                f" the same at every step: found {matrix.shape[1]} entries, before {self.size}"
            )

        self.size = matrix.shape[1]
        if self.loaded_state:
            # The aggregator creates its buffers, on their devices, at its first call, which may
            # sample random numbers.
            with torch.random.fork_rng(devices=[]):
                self.aggregator(torch.zeros_like(matrix))
            _restore(self.aggregator, self.loaded_state, matrix.device)
            self.loaded_state = {}

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the aggregator, in tensors and plain types."""
        if not self.stateful:
            return {}
        return {
            "losses": self.losses,
            "length": self.size,
            "kept": self.loaded_state or _state(self.aggregator),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load a state from `state_dict`, to be restored at the next step."""
        if self.stateful:
            self.losses = state["losses"]
            self.size = state["length"]
            self.loaded_state = state["kept"] if self.size else {}


def _aggregator_class(name: str) -> Any:
    """Return the aggregator class of this name.

    Classes that need Python objects as arguments cannot be configured and are left out, as are
    base classes.
    """
    torchjd = require_extra("torchjd", 'step "aggregated"')
    aggregation = require_extra("torchjd.aggregation", 'step "aggregated"')

    configurable = {}
    for class_name in aggregation.__all__:
        candidate = getattr(aggregation, class_name)
        if issubclass(candidate, aggregation.Aggregator) and _is_configurable(candidate):
            configurable[class_name.lower()] = candidate
    unsaveable = [
        own
        for own, candidate in configurable.items()
        if issubclass(candidate, torchjd.Stateful) and own not in RESUMABLE
    ]

    known = configurable.keys() - set(unsaveable)
    if name in unsaveable:
        raise ConfigurationError(
            f'torchjd has no way to save the state of "{name}": a stopped and recovered run would'
            f" differ from an uninterrupted one. Expected one of {listed(known)}.",
            "aggregator",
        )
    if name not in known:
        raise ConfigurationError(
            f'found "{name}", expected one of {listed(known)}.{nearest(name, known)}', "aggregator"
        )
    return configurable[name]


def _is_configurable(aggregator_class: Any) -> bool:
    """Return whether a config can give all required arguments of a concrete class."""
    if inspect.isabstract(aggregator_class):
        return False

    accepted = _annotations(aggregator_class)
    return all(
        parameter.default is not REQUIRED or parameter.name in accepted
        for parameter in parameters(aggregator_class)
    )


def _annotations(aggregator_class: Any) -> dict[str, Any]:
    """Return the types of the arguments that a config can give.

    These are scalars and choices; a vector becomes an object with one number per loss.
    """
    annotations: dict[str, Any] = {}
    for parameter in parameters(aggregator_class):
        members = typing.get_args(parameter.annotation) or (parameter.annotation,)
        if typing.get_origin(parameter.annotation) is Literal:
            members = (parameter.annotation,)

        plain = [own for own in members if own in SCALARS or typing.get_origin(own) is Literal]
        if Tensor in members and not plain:
            plain = [dict[str, float]]
        if plain:
            optional = [NoneType] if NoneType in members else []
            annotations[parameter.name] = Union[tuple(plain + optional)]  # noqa: UP007
    return annotations


def _checked(name: str, aggregator_class: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Bind the settings to the argument types of the aggregator."""
    annotations = _annotations(aggregator_class)
    required = {own.name for own in parameters(aggregator_class) if own.default is REQUIRED}
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


def _step_error(message: str, key: str = "") -> ConfigurationError:
    """Make an error in the settings that is found only when the losses are known."""
    return ConfigurationError(message, f"trainer.step.settings.{key}".rstrip("."), absolute=True)


def _state(aggregator: Any) -> dict[str, Any]:
    """Return buffers and integer attributes of an aggregator's modules, by qualified name."""
    state: dict[str, Any] = {}
    for module_name, module in aggregator.named_modules():
        integers = {key: value for key, value in vars(module).items() if type(value) is int}
        state.update(
            {
                f"{module_name}.{key}": value
                for key, value in {**module._buffers, **integers}.items()
            }
        )
    return state


def _restore(aggregator: Any, state: Mapping[str, Any], device: torch.device) -> None:
    for name, value in state.items():
        module_name, _, key = name.rpartition(".")
        module = aggregator.get_submodule(module_name)
        if isinstance(value, Tensor):
            buffer = getattr(module, key)
            value = value.to(device if buffer is None else buffer.device)
        setattr(module, key, value)
