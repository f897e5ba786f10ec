"""Optimizers of torch and transformers, registered under AllenNLP's names."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, TypeAlias

import torch

from ner_adv_plugin.common import schema
from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.checks import CheckContext, check_some
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.keys import check_keys
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.training.optimization import table
from ner_adv_plugin.training.optimization.eager import eager_step, import_no_compiler
from ner_adv_plugin.training.optimization.parameter_groups import (
    NamedParameters,
    ParameterGroups,
    check_patterns,
    parameter_groups,
)


class Optimizer(torch.optim.Optimizer, Registrable):
    """Base class of optimizers: a torch optimizer over named parameters and groups of them.

    # Parameters

    model_parameters : supplied; trainable parameters by name.
    parameter_groups : pairs of regular expressions, searched for in parameter names, and settings
        of the group. A group may set any key of the optimizer itself, and `layer_decay`: the rate
        of a layer is that of the layer above times this factor, above 0 and at most 1; embeddings
        are below the first layer.

    # Example

    ```jsonnet
    { type: 'adamw', lr: 5e-3, parameter_groups: [
        [['^encoder'], { lr: 1e-4, layer_decay: 0.9 }],
        [['transitions$'], { lr: 1e-2 }]] }
    ```
    """

    default_implementation = "huggingface_adamw"

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: CheckContext[Any]) -> None:
        """See `Registrable.check`: the parameter groups set keys of the optimizer only."""
        known = {parameter.name: parameter.annotation for parameter in schema.parameters(cls)}
        for name in ("model_parameters", "parameter_groups"):
            known.pop(name, None)
        of_group = {**known, "layer_decay": float}

        for index, (patterns, group) in enumerate(settings.get("parameter_groups") or []):
            group_path = f"parameter_groups.{index}"
            check_some(patterns, "regular expression", f"{group_path}.0")
            check_patterns(patterns, f"{group_path}.0")
            check_keys(group, of_group, list(of_group), f"{group_path}.1")
            for key, value in group.items():
                bind(of_group[key], value, f"{group_path}.1.{key}")
            if not 0 < group.get("layer_decay", 1) <= 1:
                raise ConfigurationError(
                    f"expected a number above 0 and at most 1, found {group['layer_decay']}",
                    f"{group_path}.1.layer_decay",
                )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """See `torch.optim.Optimizer.step`."""
        return eager_step(super().step.__func__)(self, closure)  # type: ignore[attr-defined]


import_no_compiler()
LazyOptimizer: TypeAlias = Annotated[Lazy[Optimizer], Supplied("model_parameters")]


# Type and description of each config key.
KEYS: dict[str, tuple[Any, str]] = {
    "lr": (float, "learning rate."),
    "lr_decay": (float, "decay of the learning rate: after t steps it is lr / (1 + t x lr_decay)."),
    "betas": (
        tuple[float, float],
        "decay rates of the running averages of the gradient and of its square.",
    ),
    "rho": (float, "decay rate of the running average of squared gradients."),
    "alpha": (float, "decay rate of the running average of squared gradients."),
    "eps": (float, "added to the denominator for numerical stability."),
    "weight_decay": (float, "weight decay coefficient."),
    "amsgrad": (bool, "use the AMSGrad variant (Reddi et al. 2018), which is not fused."),
    "initial_accumulator_value": (float, "initial value of the sums of squared gradients."),
    "momentum": (float, "momentum factor."),
    "dampening": (float, "dampening of the momentum."),
    "nesterov": (bool, "use Nesterov momentum."),
    "centered": (bool, "normalise the gradient by an estimate of its variance."),
}
ADAFACTOR_KEYS: dict[str, tuple[Any, str]] = {
    "lr": (float | None, "learning rate; null with `relative_step`."),
    "eps": (
        tuple[float, float],
        "regularisation of the squared gradient and of the parameter scale.",
    ),
    "clip_threshold": (float, "threshold of the root mean square of the update."),
    "decay_rate": (float, "exponent of the decay of the running average of squared gradients."),
    "beta1": (float | None, "decay rate of the running average of the gradient; null for none."),
    "weight_decay": KEYS["weight_decay"],
    "scale_parameter": (bool, "scale the learning rate by the root mean square of the parameter."),
    "relative_step": (bool, "compute the learning rate from the step instead of `lr`."),
    "warmup_init": (bool, "warm up the learning rate of `relative_step`."),
}


class Entry(NamedTuple):
    """Table entry of an optimizer.

    # Parameters

    optimizer : class of torch, or the name of a class of transformers.
    summary : one-sentence description.
    defaults : default of each key, in order.
    fused : use torch's fused kernel.
    keys : type and description of each key.
    example : keys and values of an example, in Jsonnet.
    """

    optimizer: type[torch.optim.Optimizer] | str
    summary: str
    defaults: dict[str, Any]
    fused: bool = False
    keys: dict[str, tuple[Any, str]] = KEYS
    example: str = "lr: 1e-3"


BETAS = (0.9, 0.999)
OPTIMIZERS = {
    "adadelta": Entry(
        torch.optim.Adadelta,
        "`torch.optim.Adadelta` (Zeiler 2012).",
        {"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0.0},
    ),
    "adagrad": Entry(
        torch.optim.Adagrad,
        "`torch.optim.Adagrad` (Duchi et al. 2011).",
        {
            "lr": 0.01,
            "lr_decay": 0.0,
            "weight_decay": 0.0,
            "initial_accumulator_value": 0.0,
            "eps": 1e-10,
        },
    ),
    "adam": Entry(
        torch.optim.Adam,
        "`torch.optim.Adam` (Kingma & Ba 2015), fused.",
        {"lr": 0.001, "betas": BETAS, "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False},
        fused=True,
    ),
    "adamax": Entry(
        torch.optim.Adamax,
        "`torch.optim.Adamax` (Kingma & Ba 2015, section 7).",
        {"lr": 0.002, "betas": BETAS, "eps": 1e-8, "weight_decay": 0.0},
    ),
    "adamw": Entry(
        torch.optim.AdamW,
        "`torch.optim.AdamW` (Loshchilov & Hutter 2019), fused.",
        {"lr": 0.001, "betas": BETAS, "eps": 1e-8, "weight_decay": 0.01, "amsgrad": False},
        fused=True,
    ),
    "huggingface_adafactor": Entry(
        "Adafactor",
        "`transformers.Adafactor` (Shazeer & Stern 2018).",
        {
            "lr": None,
            "eps": (1e-30, 1e-3),
            "clip_threshold": 1.0,
            "decay_rate": -0.8,
            "beta1": None,
            "weight_decay": 0.0,
            "scale_parameter": True,
            "relative_step": True,
            "warmup_init": False,
        },
        keys=ADAFACTOR_KEYS,
        example="lr: 1e-3, relative_step: false",
    ),
    "huggingface_adamw": Entry(
        torch.optim.AdamW,
        "`torch.optim.AdamW` with the defaults of Hugging Face's former AdamW, fused.",
        {"lr": 1e-5, "betas": BETAS, "eps": 1e-8, "weight_decay": 0.0},
        fused=True,
        example="lr: 5e-5, weight_decay: 0.01",
    ),
    "rmsprop": Entry(
        torch.optim.RMSprop,
        "`torch.optim.RMSprop` (Hinton 2012).",
        {
            "lr": 0.01,
            "alpha": 0.99,
            "eps": 1e-8,
            "weight_decay": 0.0,
            "momentum": 0.0,
            "centered": False,
        },
    ),
    "sgd": Entry(
        torch.optim.SGD,
        "`torch.optim.SGD`.",
        {"lr": 0.001, "momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False},
        example="lr: 0.1, momentum: 0.9",
    ),
}


def _register(name: str, entry: Entry) -> None:
    keys = {
        "model_parameters": table.parameter("model_parameters", NamedParameters),
        "parameter_groups": table.parameter("parameter_groups", ParameterGroups | None, None),
    }
    docstring = f'{entry.summary}\n\nRegistered as "{name}".\n\n# Parameters\n\n'
    for key, default in entry.defaults.items():
        annotation, description = entry.keys[key]
        keys[key] = table.parameter(key, annotation, default)
        docstring += f"{key} : {description}\n"
    example = f"{{ type: '{name}', {entry.example} }}"
    docstring += f"\n# Example\n\n```jsonnet\n{example}\n```\n"

    def construct(self: Optimizer, model_parameters: NamedParameters, **settings: Any) -> None:
        groups = parameter_groups(
            model_parameters, settings.pop("parameter_groups"), settings.get("lr")
        )
        if entry.fused:
            settings["fused"] = not settings.get("amsgrad", False)

        _class_of(entry).__init__(self, groups, **settings)

    table.register(Optimizer, name, keys.values(), docstring, construct, *_bases(entry))


def _class_of(entry: Entry) -> type[torch.optim.Optimizer]:
    """Return the class of an entry; importing transformers takes a second."""
    if not isinstance(entry.optimizer, str):
        return entry.optimizer

    import transformers

    optimizer: type[torch.optim.Optimizer] = getattr(transformers, entry.optimizer)
    return optimizer


def _bases(entry: Entry) -> tuple[type, ...]:
    """Return what a registered class inherits from, besides `Optimizer`.

    A class of transformers becomes a base of the class when the first instance is made.
    """
    if not isinstance(entry.optimizer, str):
        return (entry.optimizer,)

    def new(cls: type[Optimizer], *args: Any, **kwargs: Any) -> Optimizer:
        inner = _class_of(entry)
        whole = cls if issubclass(cls, inner) else type(cls.__name__, (cls, inner), {})
        return object.__new__(whole)

    return (type("LateBase", (), {"__new__": new}),)


for _name, _entry in OPTIMIZERS.items():
    _register(_name, _entry)


def optimizer_of(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """Return the optimizer inside a wrapper of accelerate; other optimizers as they are."""
    inner: torch.optim.Optimizer = getattr(optimizer, "optimizer", optimizer)
    return inner
