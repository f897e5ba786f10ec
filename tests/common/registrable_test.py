"""Registries of this package and of allennlp-light."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
import torch
from allennlp_light.modules.feedforward import FeedForward
from allennlp_light.modules.seq2seq_encoders import (
    ComposeEncoder,
    FeedForwardEncoder,
    GatedCnnEncoder,
    LstmSeq2SeqEncoder,
    Seq2SeqEncoder,
)
from tango.common import Params

from ner_adv_plugin.common.binding import bind, construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.batching.samplers import (
    MultiTaskEpochSampler,
    ProportionalSampler,
    UniformSampler,
)
from ner_adv_plugin.data.batching.schedulers import MultiTaskScheduler, RoundRobinScheduler

LazyTower = Annotated[Lazy[Seq2SeqEncoder], Supplied("input_size", "input_dim")]
LSTM = {"type": "lstm", "input_size": 6, "hidden_size": 4, "bidirectional": True}
FEEDFORWARD = {
    "input_dim": 8,
    "num_layers": 2,
    "hidden_dims": [7, 5],
    "activations": ["relu", "tanh"],
}


def test_by_name_and_list_available() -> None:
    assert MultiTaskEpochSampler.by_name("uniform") is UniformSampler
    available = MultiTaskEpochSampler.list_available()
    # The default is first.
    assert available[0] == MultiTaskEpochSampler.default_implementation == "proportional"
    assert {"proportional", "uniform", "weighted"} <= set(available)
    with pytest.raises(
        Exception, match="'unifrom' is not a registered name for 'MultiTaskEpochSampler'"
    ):
        MultiTaskEpochSampler.by_name("unifrom")


def test_from_params() -> None:
    sampler = MultiTaskEpochSampler.from_params({"type": "uniform", "anchor": "weibo"})
    assert isinstance(sampler, UniformSampler) and sampler.anchor == "weibo"
    default = MultiTaskEpochSampler.from_params({"alpha": 0.5})
    assert isinstance(default, ProportionalSampler) and default.alpha == 0.5
    assert isinstance(MultiTaskEpochSampler.from_params("uniform"), UniformSampler)
    named = MultiTaskEpochSampler.from_params(params=Params({"alpha": 0.25}))
    assert isinstance(named, ProportionalSampler) and named.alpha == 0.25


def test_from_params_of_a_registered_class() -> None:
    scheduler = RoundRobinScheduler.from_params({"batch_size": 8})
    assert type(scheduler) is RoundRobinScheduler and scheduler.count({"weibo": 17}) == 3
    with pytest.raises(ConfigurationError) as error:
        RoundRobinScheduler.from_params({"batchsize": 8})
    assert error.value.path == "batchsize" and 'Did you mean "batch_size"?' in error.value.message


def test_from_params_with_nested_params_and_supplied_arguments() -> None:
    tower = construct(
        Seq2SeqEncoder, Params({"type": "compose", "encoders": [LSTM, {**LSTM, "input_size": 8}]})
    )
    assert isinstance(tower, ComposeEncoder) and tower.get_output_dim() == 8
    sampler = UniformSampler.from_params({}, instances_per_epoch=7)
    assert sampler.instances_per_epoch == 7


def test_registering_a_name_twice_is_an_error() -> None:
    with pytest.raises(Exception, match="already registered under that name"):
        MultiTaskScheduler.register("roundrobin")(type("Other", (MultiTaskScheduler,), {}))


# PyTorch on how allennlp-light uses it.
@pytest.mark.filterwarnings("ignore:enable_nested_tensor", "ignore:.*weight_norm")
@pytest.mark.parametrize(
    ("config", "kind", "dims"),
    [
        (LSTM, LstmSeq2SeqEncoder, (6, 8)),
        ({"type": "pass_through", "input_dim": 6}, None, (6, 6)),
        (
            {
                "type": "pytorch_transformer",
                "input_dim": 6,
                "num_layers": 1,
                "num_attention_heads": 2,
            },
            None,
            (6, 6),
        ),
        (
            {"type": "gated-cnn-encoder", "input_dim": 6, "layers": [[[3, 6]]]},
            GatedCnnEncoder,
            (6, 12),
        ),
        (
            {
                "type": "feedforward",
                "feedforward": {**FEEDFORWARD, "input_dim": 6, "dropout": [0.1, 0.2]},
            },
            FeedForwardEncoder,
            (6, 5),
        ),
        (
            {
                "type": "compose",
                "encoders": [
                    LSTM,
                    {"type": "compose", "encoders": [{**LSTM, "input_size": 8, "hidden_size": 2}]},
                ],
            },
            ComposeEncoder,
            (6, 4),
        ),
    ],
)
def test_encoders_of_allennlp_light(
    config: dict[str, Any], kind: type | None, dims: tuple[int, int]
) -> None:
    encoder = construct(Seq2SeqEncoder, config, "model.tower")
    assert kind is None or isinstance(encoder, kind)
    assert (encoder.get_input_dim(), encoder.get_output_dim()) == dims
    states = encoder(torch.randn(2, 5, dims[0]), torch.ones(2, 5, dtype=torch.bool))
    assert states.shape == (2, 5, dims[1])


def test_feedforward_has_the_settings_of_the_config() -> None:
    made = construct(FeedForward, {**FEEDFORWARD, "activations": "relu", "dropout": 0.3})
    assert isinstance(made, FeedForward)
    assert [type(activation) for activation in made._activations] == [torch.nn.ReLU] * 2
    assert [(layer.in_features, layer.out_features) for layer in made._linear_layers] == [
        (8, 7),
        (7, 5),
    ]
    assert [dropout.p for dropout in made._dropout] == [0.3, 0.3]
    one_each = construct(
        FeedForward,
        {**FEEDFORWARD, "activations": [{"type": "leaky_relu", "negative_slope": 0.5}] * 2},
    )
    assert [activation.negative_slope for activation in one_each._activations] == [0.5, 0.5]


def test_input_size_is_supplied() -> None:
    short = {name: value for name, value in LSTM.items() if name != "input_size"}
    lazy: Lazy[Seq2SeqEncoder] = construct(LazyTower, short, "model.tower")
    tower = lazy.construct(input_size=3, input_dim=3)
    assert isinstance(tower, LstmSeq2SeqEncoder) and tower.get_input_dim() == 3
    assert lazy.filled == {
        **short,
        "num_layers": 1,
        "bias": True,
        "dropout": 0.0,
        "stateful": False,
    }


@pytest.mark.parametrize(
    ("config", "path", "message"),
    [
        (
            {"type": "lsmt"},
            "model.tower.type",
            '"lsmt" is not a registered Seq2SeqEncoder. Did you mean "lstm"? Known: ',
        ),
        ({"hidden_size": 3}, "model.tower.type", 'missing "type", one of alternating_lstm, '),
        (
            {**LSTM, "hiden_size": 3},
            "model.tower.hiden_size",
            'unknown key. Did you mean "hidden_size"? Accepted: ',
        ),
        (
            {"type": "compose", "encoders": [LSTM, {"type": "lstm", "hidden_size": 4}]},
            "model.tower.encoders.1.input_size",
            "missing key, required here",
        ),
        (
            {
                "type": "feedforward",
                "feedforward": {**FEEDFORWARD, "activations": ["relu", "rleu"]},
            },
            "model.tower.feedforward.activations.1.type",
            '"rleu" is not a registered Activation. Did you mean "',
        ),
        (
            {"type": "feedforward", "feedforward": {**FEEDFORWARD, "hidden_dims": [7, "5"]}},
            "model.tower.feedforward.hidden_dims.1",
            "expected a whole number, found '5'",
        ),
        # Errors raised by the constructors themselves, with different exceptions.
        (
            {"type": "feedforward", "feedforward": {**FEEDFORWARD, "hidden_dims": [7]}},
            "model.tower.feedforward",
            "len(hidden_dims) (1) != num_layers (2)",
        ),
        (
            {"type": "compose", "encoders": [LSTM, LSTM]},
            "model.tower",
            "Encoder input and output dimensions don't match.",
        ),
        (
            {"type": "feedforward", "feedforward": {**FEEDFORWARD, "dropout": 1.5}},
            "model.tower.feedforward.dropout",
            "expected a probability from 0 to 1, found 1.5",
        ),
    ],
)
def test_errors_of_encoders_of_allennlp_light(
    config: dict[str, Any], path: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        construct(LazyTower, config, "model.tower").construct(input_size=6, input_dim=6)
    assert error.value.path == path
    assert error.value.message.startswith(message)


def test_dotted_class_path() -> None:
    made = construct(
        MultiTaskEpochSampler, "ner_adv_plugin.data.batching.samplers.uniform.UniformSampler"
    )
    assert type(made) is UniformSampler
    config = {"type": "torch.nn.Softplus", "beta": 2.0}
    bound = bind(torch.nn.Module, torch.nn.ReLU())
    assert isinstance(bound.build({}), torch.nn.ReLU)
    feedforward = construct(FeedForward, {**FEEDFORWARD, "activations": config})
    assert [activation.beta for activation in feedforward._activations] == [2.0, 2.0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "ner_adv_plugin.no_such.Sampler",
            'cannot import class "ner_adv_plugin.no_such.Sampler": No module named ',
        ),
        (
            "ner_adv_plugin.data.batching.samplers.Nothing",
            'cannot import class "ner_adv_plugin.data.batching.samplers.Nothing": ',
        ),
        ("..Sampler", '"..Sampler" is not a registered MultiTaskEpochSampler.'),
        (".Sampler", '".Sampler" is not a registered MultiTaskEpochSampler.'),
        ("a..Sampler", '"a..Sampler" is not a registered MultiTaskEpochSampler.'),
        ("ner_adv_plugin.data", '"ner_adv_plugin.data" is not a registered MultiTaskEpochSampler.'),
        ("subprocess.Popen", '"subprocess.Popen" is not a MultiTaskEpochSampler'),
        ("torch.nn.Linear", '"torch.nn.Linear" is not a MultiTaskEpochSampler'),
        ("typing.Any", '"typing.Any" is not a MultiTaskEpochSampler'),
    ],
)
def test_wrong_dotted_path(name: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        bind(MultiTaskEpochSampler, {"type": name}, "data_loader.sampler")
    assert error.value.path == "data_loader.sampler.type"
    assert error.value.message.startswith(message)


@pytest.mark.slow
def test_a_typo_imports_no_file_of_the_current_folder(tmp_path: Path) -> None:
    """Tango would import every file of the folder, searching for the name."""
    (tmp_path / "bad.py").write_text("raise SystemExit('imported a bystander')")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("raise SystemExit('imported a bystander')")
    program = """
import sys
sys.path.insert(0, "")
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.samplers import MultiTaskEpochSampler
before = set(sys.modules)
for base in (Seq2SeqEncoder, MultiTaskEpochSampler):
    for name in ("lsmt", "bad", "package"):
        try:
            bind(base, {"type": name})
            raise SystemExit("accepted")
        except ConfigurationError:
            pass
for look_up in (MultiTaskEpochSampler.by_name, MultiTaskEpochSampler.resolve_class_name):
    try:
        look_up("bad")
        raise SystemExit("accepted")
    except Exception as error:
        assert "not a registered name" in str(error), error
assert not {"bad", "package"} & set(sys.modules)
print("nothing imported")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, "nothing imported"), ended.stderr
