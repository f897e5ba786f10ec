"""Parameter groups, and every optimizer against that of torch."""

import logging
from typing import Any

import pytest
import torch
import transformers
from tango.common.registrable import Registrable as TangoRegistrable

from ner_adv_plugin.common.binding import bind, construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.training.optimization.optimizers import LazyOptimizer, Optimizer
from ner_adv_plugin.training.optimization.parameter_groups import (
    NamedParameters,
    ParameterGroups,
    parameter_groups,
)
from ner_adv_plugin.training.optimization.parameter_groups import parameter_groups as grouped

NAMES = [
    "encoder.embedding.weight",
    "towers.shared.weight",
    "heads.weibo.projection.bias",
    "heads.msra.crf.weight",
]
# For every registered optimizer the class of torch, the defaults that differ from it, and settings
# to test.
TORCH: dict[str, tuple[type[torch.optim.Optimizer], dict[str, Any], dict[str, Any]]] = {
    "adam": (
        torch.optim.Adam,
        {},
        {"lr": 0.1, "betas": [0.8, 0.9], "eps": 1e-3, "weight_decay": 0.1, "amsgrad": True},
    ),
    "adamw": (
        torch.optim.AdamW,
        {},
        {"lr": 0.1, "betas": [0.8, 0.9], "weight_decay": 0.2, "amsgrad": True},
    ),
    "huggingface_adamw": (
        torch.optim.AdamW,
        {"lr": 1e-5, "weight_decay": 0.0},
        {"lr": 0.1, "betas": [0.8, 0.9], "eps": 1e-3, "weight_decay": 0.2},
    ),
    "adagrad": (torch.optim.Adagrad, {}, {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1}),
    "adadelta": (
        torch.optim.Adadelta,
        {},
        {"lr": 0.5, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.1},
    ),
    "rmsprop": (
        torch.optim.RMSprop,
        {},
        {"lr": 0.1, "alpha": 0.9, "momentum": 0.5, "centered": True},
    ),
    "adamax": (torch.optim.Adamax, {}, {"lr": 0.1, "betas": [0.8, 0.9], "weight_decay": 0.1}),
    "huggingface_adafactor": (
        transformers.Adafactor,
        {},
        {"lr": 0.1, "relative_step": False, "scale_parameter": False, "weight_decay": 0.1},
    ),
    "sgd": (
        torch.optim.SGD,
        {},
        {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1, "nesterov": True},
    ),
}


def named() -> NamedParameters:
    generator = torch.Generator().manual_seed(0)
    return [(name, torch.nn.Parameter(torch.randn(3, generator=generator))) for name in NAMES]


def names_of(groups: list[dict[str, Any]], parameters: NamedParameters) -> list[list[str]]:
    name_of = {id(parameter): name for name, parameter in parameters}
    return [[name_of[id(parameter)] for parameter in group["params"]] for group in groups]


def test_patterns_are_searched_for_anywhere_in_a_name() -> None:
    parameters = named()
    groups = parameter_groups(
        parameters, [(["weibo", r"^encoder\."], {"lr": 0.5}), (["crf"], {"weight_decay": 0.0})]
    )
    assert names_of(groups, parameters) == [[NAMES[0], NAMES[2]], [NAMES[3]], [NAMES[1]]]
    assert (
        groups[0]["lr"] == 0.5 and groups[1]["weight_decay"] == 0.0 and set(groups[2]) == {"params"}
    )


def test_without_groups_all_parameters_are_one_group() -> None:
    parameters = named()
    assert names_of(parameter_groups(parameters, None), parameters) == [NAMES]


def test_groups_without_a_parameter_are_left_out() -> None:
    parameters = named()
    groups = parameter_groups(parameters, [(["nothing"], {"lr": 0.5}), ([""], {"lr": 0.1})])
    assert names_of(groups, parameters) == [NAMES]


def test_a_parameter_of_two_groups_is_an_error() -> None:
    with pytest.raises(
        ConfigurationError, match=r'parameter_groups: "heads.weibo.projection.bias".* 0 and 2'
    ):
        parameter_groups(named(), [(["weibo"], {}), (["encoder"], {}), (["projection"], {})])


def test_a_parameter_may_match_two_patterns_of_one_group() -> None:
    parameters = named()
    groups = parameter_groups(parameters, [(["weibo", "projection"], {"lr": 1.0})])
    assert names_of(groups, parameters)[0] == [NAMES[2]]


def test_a_pattern_without_a_match_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "ner_adv_plugin"):
        parameter_groups(named(), [(["encoder", "encodr"], {"lr": 1.0})])
    assert [record.getMessage() for record in caplog.records] == [
        'trainer.optimizer.parameter_groups: "encodr" matches no parameter'
    ]


def test_a_pattern_that_does_not_compile_is_an_error() -> None:
    with pytest.raises(
        ConfigurationError, match=r'parameter_groups.1.0: "\(" is not a regular expression'
    ):
        parameter_groups(named(), [(["encoder"], {}), (["("], {})])


def test_an_unknown_setting_of_a_group_is_an_error() -> None:
    with pytest.raises(
        ConfigurationError,
        match=r'^parameter_groups.0.1.weight_decy: unknown key. Did you mean "weight_decay"',
    ):
        Optimizer.from_params(
            {"parameter_groups": [[["encoder"], {"weight_decy": 0.1}]]}, model_parameters=named()
        )


@pytest.mark.parametrize(
    ("name", "groups", "path", "message"),
    [
        ("adam", [[["a"], {"lr": "0.1"}]], "0.1.lr", "expected a number, found '0.1'"),
        (
            "adamw",
            [[["a"], {}], [["a"], {"betas": [0.9]}]],
            "1.1.betas",
            "expected 2 values, found 1",
        ),
        ("adam", [[["a"], {"amsgrad": 1}]], "0.1.amsgrad", "expected true or false, found 1"),
        (
            "sgd",
            [[["a"], {"momentun": 0.1}]],
            "0.1.momentun",
            'unknown key. Did you mean "momentum"? Accepted: damp',
        ),
        (
            "sgd",
            [[["a"], {"betas": [0.9, 0.9]}]],
            "0.1.betas",
            "unknown key. Accepted: dampening, layer_decay, lr, momentum, ",
        ),
        (
            "sgd",
            [[["a"], {"parameter_groups": []}]],
            "0.1.parameter_groups",
            "unknown key. Accepted: dampening",
        ),
        (
            "adam",
            [[["a"], {"layer_decay": 1.5}]],
            "0.1.layer_decay",
            "expected a number above 0 and at most 1, found 1.5",
        ),
        ("sgd", [[["a"], {"params": []}]], "0.1.params", "unknown key. Accepted: dampening"),
        (
            "sgd",
            [[["a", "(b"], {}]],
            "0.0.1",
            '"(b" is not a regular expression: missing ), unterminated',
        ),
    ],
)
def test_groups_are_checked_before_anything_is_built(
    name: str, groups: Any, path: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        construct(LazyOptimizer, {"type": name, "parameter_groups": groups}, "trainer.optimizer")
    assert error.value.path == f"trainer.optimizer.parameter_groups.{path}"
    assert error.value.message.startswith(message)


@pytest.mark.parametrize("name", ["huggingface_adafactor", "huggingface_adamw"])
def test_groups_take_the_settings_of_their_optimizer(name: str) -> None:
    group = {"lr": 1, "weight_decay": 0.1} | ({"beta1": None} if name.endswith("factor") else {})
    construct(LazyOptimizer, {"type": name, "parameter_groups": [[["a"], group]]})
    construct(LazyOptimizer, {"type": name, "parameter_groups": None})


LAYERS = {
    "encoder.transformer.embeddings.word_embeddings.weight": 0,
    "encoder.transformer.embeddings.LayerNorm.bias": 0,
    "encoder.transformer.encoder.layer.0.attention.self.query.weight": 1,
    "encoder.transformer.encoder.layer.0.output.dense.bias": 1,
    "encoder.transformer.encoder.layer.11.output.dense.bias": 12,
    "encoder.transformer.final_norm.weight": 12,
    "heads.weibo.crf.transitions": None,
}


@pytest.mark.parametrize("own", [True, False], ids=["rate of the group", "rate of the optimizer"])
def test_rates_fall_from_layer_to_layer(own: bool) -> None:
    parameters = [(name, torch.nn.Parameter(torch.ones(2))) for name in LAYERS]
    group = {"layer_decay": 0.5, "weight_decay": 0.3} | ({"lr": 0.1} if own else {})
    optimizer: torch.optim.Optimizer = Optimizer.from_params(
        {
            "type": "adamw",
            "lr": 0.1 if not own else 0.7,
            "parameter_groups": [[["^encoder"], group]],
        },
        model_parameters=parameters,
    )
    found = {
        id(parameter): (given["lr"], given["weight_decay"])
        for given in optimizer.param_groups
        for parameter in given["params"]
    }
    assert len(found) == len(LAYERS) and len(optimizer.param_groups) == 4
    for name, parameter in parameters:
        depth = LAYERS[name]
        expected = (
            (0.7 if own else 0.1, 0.01) if depth is None else (0.1 * 0.5 ** (12 - depth), 0.3)
        )
        assert found[id(parameter)] == pytest.approx(expected), name


@pytest.mark.parametrize(
    "name",
    [
        "encoder.transformer.layer.3.ffn.lin1.weight",
        "model.layers.3.mlp.weight",
        "transformer.h.3.attn.weight",
        "encoder.block.3.layer.0.SelfAttention.q.weight",
    ],
)
def test_layers_of_other_models(name: str) -> None:
    names = [name.replace(".3.", ".0."), name, "encoder.embedding.weight"]
    parameters = [(own, torch.nn.Parameter(torch.ones(2))) for own in names]
    groups = parameter_groups(parameters, [([""], {"lr": 1.0, "layer_decay": 0.1})])
    assert [group["lr"] for group in groups] == pytest.approx([1e-4, 1e-3, 1.0])


def test_a_decay_of_one_changes_no_rate() -> None:
    parameters = [(name, torch.nn.Parameter(torch.ones(2))) for name in LAYERS]
    groups = parameter_groups(parameters, [(["layer"], {"lr": 0.2, "layer_decay": 1.0})])
    assert {group.get("lr") for group in groups} == {0.2, None}


def test_a_group_without_layers_has_no_decay() -> None:
    with pytest.raises(
        ConfigurationError,
        match=r"groups\.0\.1\.layer_decay: no parameter of the group is in a numbered layer",
    ):
        parameter_groups(named(), [(["heads"], {"lr": 0.2, "layer_decay": 0.9})])
    with pytest.raises(ConfigurationError, match=r"layer_decay: needs a learning rate"):
        parameter_groups(named(), [(["heads"], {"layer_decay": 0.9})])


def test_all_optimizers_are_tested() -> None:
    assert set(Optimizer.list_available()) == set(TORCH)


@pytest.mark.parametrize("defaults", [True, False])
@pytest.mark.parametrize("name", TORCH)
def test_steps_equal_those_of_torch(name: str, defaults: bool) -> None:
    torch_class, by_default, chosen = TORCH[name]
    settings = {} if defaults else chosen
    group = {"lr": 0.03}
    ours, theirs = named(), named()
    optimizer = Optimizer.from_params(
        {"type": name, "parameter_groups": [[["^heads"], group]], **settings}, model_parameters=ours
    )
    assert isinstance(optimizer, torch_class)
    groups: list[dict[str, Any]] = [
        {"params": [parameter for key, parameter in theirs if key.startswith("heads")], **group},
        {"params": [parameter for _, parameter in theirs[:2]]},
    ]
    reference = torch_class(groups, **{**by_default, **settings})
    start = [parameter.detach().clone() for _, parameter in ours]
    for _ in range(4):
        for parameters, steps in ((ours, optimizer), (theirs, reference)):
            steps.zero_grad()
            torch.stack(
                [((p - i) ** 4).sum() for i, (_, p) in enumerate(parameters)]
            ).sum().backward()
            steps.step()
    for (key, mine), (_, other), before in zip(ours, theirs, start, strict=True):
        torch.testing.assert_close(mine, other, msg=key)
        assert not torch.equal(mine, before)


def test_default_is_huggingface_adamw() -> None:
    optimizer: torch.optim.Optimizer = Optimizer.from_params({}, model_parameters=named())
    assert type(optimizer) is Optimizer.by_name("huggingface_adamw")


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the registry after the test."""
    registries = TangoRegistrable._registry
    monkeypatch.setitem(registries, Optimizer, dict(registries[Optimizer]))


def test_a_custom_optimizer_is_built_and_its_groups_are_checked(own_registry: None) -> None:
    @Optimizer.register("sign")
    class Sign(Optimizer):
        def __init__(
            self,
            model_parameters: NamedParameters,
            parameter_groups: ParameterGroups | None = None,
            lr: float = 0.5,
        ) -> None:
            super().__init__(grouped(model_parameters, parameter_groups), {"lr": lr})

    optimizer = Optimizer.from_params(
        {"type": "sign", "parameter_groups": [[["^heads"], {"lr": 0.1}]]}, model_parameters=named()
    )
    assert type(optimizer) is Sign
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5]
    with pytest.raises(
        ConfigurationError, match=r"0.1.momentum: unknown key. Accepted: layer_decay, lr"
    ):
        construct(LazyOptimizer, {"type": "sign", "parameter_groups": [[["a"], {"momentum": 0.1}]]})


def test_a_custom_optimizer_extends_one_of_the_table(own_registry: None) -> None:
    @Optimizer.register("lively_sgd")
    class LivelySgd(Optimizer.by_name("sgd")):
        def __init__(self, start: float = 0.9, **kwargs: Any) -> None:
            super().__init__(momentum=start, **kwargs)

    settings = {"type": "lively_sgd", "lr": 0.1, "start": 0.8}
    optimizer = Optimizer.from_params(settings, model_parameters=named())
    assert isinstance(optimizer, torch.optim.SGD)
    assert (optimizer.defaults["lr"], optimizer.defaults["momentum"]) == (0.1, 0.8)
    with pytest.raises(ConfigurationError, match=r'moment: unknown key. Did you mean "momentum"'):
        bind(LazyOptimizer, {"type": "lively_sgd", "moment": 0.1})


def test_arguments_by_position_and_by_name() -> None:
    sgd = Optimizer.by_name("sgd")
    assert sgd(named(), None, 0.1).defaults == sgd(model_parameters=named(), lr=0.1).defaults
    with pytest.raises(TypeError, match="model_parameters"):
        sgd(lr=0.1)
