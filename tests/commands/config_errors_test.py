"""Config errors: one message, before a corpus is opened or an encoder is loaded."""

import json
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.modules.encoders import Encoder
from tests.commands.conftest import Run
from tests.tiny import tiny_config, write_config

NAMES = ("weibo", "msra", "msr")
GROUPS = "trainer.optimizer.parameter_groups"
ADVERSARY = {"type": "domain_adversarial", "reads": ["shared"], "reversal": {"type": "dann"}}
SOURCES = {
    "type": "asymmetric",
    "encoder": {"type": "pretrained_transformer", "model_name": "no/encoder"},
}


def group(**settings: Any) -> list[Any]:
    return [[["^encoder"], settings]]


# Overrides, the config path of the error, and parts of its message: the value found, what is
# accepted, the nearest name.
CASES: list[tuple[dict[str, Any], str, list[str]]] = [
    # Numbers out of their range, which components refuse before corpora are read.
    ({"trainer.grad_norm": -1.0}, "trainer.grad_norm", ["more than 0", "-1"]),
    ({"trainer.grad_clipping": 0.0}, "trainer.grad_clipping", ["more than 0"]),
    ({"trainer.moving_average": {"decay": 7.0}}, "trainer.moving_average.decay", ["0 to 1"]),
    ({"trainer.l2_sp": {"alpha": 0.0}}, "trainer.l2_sp.alpha", ["more than 0"]),
    (
        {"trainer.unfreezing": {"groups": [["^encoder"]], "epochs_per_group": 0}},
        "trainer.unfreezing.epochs_per_group",
        ["1 or more"],
    ),
    ({"model.head": {"type": "biaffine", "hidden_size": 0}}, "model.head.hidden_size", ["1 or"]),
    (
        {"model.objectives": [{"type": "mmd", "reads": ["shared"], "bandwidths": [-1.0]}]},
        "model.objectives.0.bandwidths",
        ["above 0"],
    ),
    (
        {"model.objectives": [{**ADVERSARY, "pooling": {"type": "self_attention", "hops": -1}}]},
        "model.objectives.0.pooling.hops",
        ["1 or more"],
    ),
    # A wrong type, at every level.
    (
        {"model.type": "adverserial"},
        "model.type",
        ['"adverserial"', "hard_sharing", 'mean "adversarial"'],
    ),
    (
        {"model.encoder.type": "transformer"},
        "model.encoder.type",
        ['"transformer"', 'mean "pretrained_transformer"'],
    ),
    ({"model.tower.type": "ltsm"}, "model.tower.type", ['"ltsm"', "gru", 'mean "lstm"']),
    (
        {"model.heads": {"msra": {"type": "cfr"}}},
        "model.heads.msra.type",
        ['"cfr"', "softmax", 'mean "crf"'],
    ),
    (
        {"model.objectives": [{**ADVERSARY, "reversal": {"type": "dan"}}]},
        "model.objectives.0.reversal.type",
        ['"dan"', "constant", 'mean "dann"'],
    ),
    (
        {"dataset_reader.readers.msra.type": "mrsa"},
        "dataset_reader.readers.msra.type",
        ['"mrsa"', "weibo", 'mean "msra"'],
    ),
    (
        {"trainer.callbacks": ["tensorbord"]},
        "trainer.callbacks.0.type",
        ['"tensorbord"', 'mean "tensorboard"'],
    ),
    ({"trainer.optimizer": "adan"}, "trainer.optimizer.type", ['"adan"', "sgd", 'mean "adam"']),
    (
        {"data_loader.sampler": "weigthed"},
        "data_loader.sampler.type",
        ['"weigthed"', "uniform", 'mean "weighted"'],
    ),
    # An unknown or missing key.
    ({"trainer.patients": 3}, "trainer.patients", ["unknown key", "num_epochs", 'mean "patience"']),
    (
        {"model.towers": {"shared": {"type": "lstm", "hidden_size": 3, "biderectional": True}}},
        "model.towers.shared.biderectional",
        ["unknown key", "num_layers", 'mean "bidirectional"'],
    ),
    (
        {"model.objectives": [{**ADVERSARY, "reversal": {"type": "dann", "scal": 1}}]},
        "model.objectives.0.reversal.scal",
        ["unknown key", "gamma", 'mean "scale"'],
    ),
    ({"model.typ": "adversarial"}, "model.typ", ["unknown key", "encoder", 'mean "type"']),
    (
        {"trainer.learning_rate_scheduler": {"type": "noam", "model_size": 3}},
        "trainer.learning_rate_scheduler.warmup_steps",
        ["missing key", "a whole number"],
    ),
    (
        {"model.towers": {"shared": {"type": "lstm"}}},
        "model.towers.shared.hidden_size",
        ["missing key"],
    ),
    (
        {"dataset_reader.readers.msra.training_scheme": "BIOES"},
        "dataset_reader.readers.msra.training_scheme",
        [
            "unknown key",
            "now a key of the head",
            "model.head.scheme",
            "model.heads.<head>.scheme",
            "tag_scheme",
        ],
    ),
    ({"model.head.scheme": "BIEOS"}, "model.head.scheme", ['"BIEOS"', "IOB1", 'mean "BIOES"']),
    ({"trainer.callbacks": [{}]}, "trainer.callbacks.0.type", ['missing "type"', "tensorboard"]),
    # A wrong value type.
    ({"trainer.num_epochs": "3"}, "trainer.num_epochs", ["'3'", "a whole number"]),
    ({"trainer.num_epochs": None}, "trainer.num_epochs", ["null", "a whole number"]),
    ({"model.objectives": ADVERSARY}, "model.objectives", ["{'type': ", "a list"]),
    ({"dataset_reader.readers": []}, "dataset_reader.readers", ["[]", "an object"]),
    ({GROUPS: group(lr="0.1")}, f"{GROUPS}.0.1.lr", ["'0.1'", "a number"]),
    (
        {GROUPS: group(learning_rate=0.1, lr=0.1)},
        f"{GROUPS}.0.1.learning_rate",
        ["unknown key", "betas, eps, layer_decay, lr"],
    ),
    (
        {GROUPS: group(weight_decy=0.1)},
        f"{GROUPS}.0.1.weight_decy",
        ["unknown key", 'mean "weight_decay"'],
    ),
    ({GROUPS: [[["^encoder", "(["], {}]]}, f"{GROUPS}.0.0.1", ['"(["', "regular expression"]),
    ({"trainer.no_grad": ["("]}, "trainer.no_grad.0", ['"("', "regular expression"]),
    # A wrong Literal.
    ({"data_loader.leakage": "dorp"}, "data_loader.leakage", ["'dorp'", "'allow'", 'mean "drop"']),
    (
        {"model.objectives": [{**ADVERSARY, "discriminates": "domian"}]},
        "model.objectives.0.discriminates",
        ["'domian'", "'task'", 'mean "domain"'],
    ),
    # Heads and datasets.
    (
        {"model.heads": {"mrsa": "crf"}},
        "model.heads.mrsa",
        ["no dataset has this head", "weibo", 'mean "msra"'],
    ),
    (
        {"model.head": None, "model.heads": {"weibo": "crf", "msra": "crf"}},
        "dataset_reader.readers.msr.head",
        ['"msr"', "weibo", "model.head", 'mean "msra"'],
    ),
    (
        {"dataset_reader.readers.msr.head": "msra"},
        "dataset_reader.readers.msr.head",
        ["(ner)", "(segmentation)", '"msra"', "another head"],
    ),
    (
        {"dataset_reader.readers.msr.head": "keys"},
        "dataset_reader.readers.msr.head",
        ['"keys"', "choose another"],
    ),
    (
        {"model": {**SOURCES, "sources": {"weibo": ["mrsa"]}}},
        "model.sources.weibo",
        ['"mrsa"', 'mean "msra"'],
    ),
    (
        {"model": {**SOURCES, "type": "crf_tagger"}},
        "model.type",
        ["msr, msra, weibo", "hard_sharing"],
    ),
    ({"model.head.reads": ["sharde"]}, "model.head.reads", ['"sharde"', "msra", 'mean "shared"']),
    (
        {"model.heads": {"msr": {"type": "crf", "reads": ["mrs"]}}},
        "model.heads.msr.reads",
        ['"mrs"', "shared", 'mean "msr"'],
    ),
    (
        {"model.objectives": [{**ADVERSARY, "reads": ["share"]}]},
        "model.objectives.0.reads",
        ['"share"', "msra", 'mean "shared"'],
    ),
    (
        {"model.towers": {"sharde": {"type": "gru", "hidden_size": 3}}},
        "model.towers.sharde",
        ["nothing reads", "msra", 'mean "shared"'],
    ),
    # Names of datasets in other settings.
    (
        {"data_loader.sampler": {"type": "weighted", "weights": {"weibo": 1, "mrsa": 1, "msr": 1}}},
        "data_loader.sampler.weights.mrsa",
        ['"mrsa"', "weibo", 'mean "msra"'],
    ),
    (
        {"data_loader.sampler": {"anchor": "wiebo"}},
        "data_loader.sampler.anchor",
        ['"wiebo"', 'mean "weibo"'],
    ),
    (
        {
            "data_loader.scheduler": {
                "type": "homogeneous_roundrobin",
                "batch_size": {"weibo": 3, "msra": 3},
            }
        },
        "data_loader.scheduler.batch_size.msr",
        ["missing key", "msr, msra, weibo"],
    ),
    (
        {"validation_data_path": {"wiebo": "x"}},
        "validation_data_path.wiebo",
        ["no reader", "msra", 'mean "weibo"'],
    ),
    ({"train_data_path": "x"}, "train_data_path", ["'x'", "an object of paths"]),
    # The validation metric.
    (
        {"trainer.validation_metric": "+wiebo_f1"},
        "trainer.validation_metric",
        ['"wiebo_f1"', 'mean "weibo_f1"'],
    ),
    (
        {"trainer.validation_metric": "+msra_f1"},
        "trainer.validation_metric",
        ['"msra_f1"', "weibo_precision"],
    ),
    (
        {"trainer.validation_metric": "weibo_f1"},
        "trainer.validation_metric",
        ["'weibo_f1'", '"+" or "-"'],
    ),
    (
        {"validation_data_path": None},
        "trainer.validation_metric",
        ["'+weibo_f1'", "validation_data_path"],
    ),
    (
        {"validation_data_path": None, "trainer.validation_metric": "-loss", "trainer.patience": 2},
        "trainer.patience",
        ["2", "validation_data_path"],
    ),
    # Files.
    (
        {"test_data_path.weibo": "data/wiebo"},
        "test_data_path.weibo",
        ['"data/wiebo"', 'mean "weibo"'],
    ),
    (
        {"train_data_path.msr": "nowhere/msr"},
        "train_data_path.msr",
        ['"nowhere/msr"', 'no folder "nowhere"'],
    ),
    ({"model.encoder.model_name": "./nowhere"}, "model.encoder.model_name", ['"./nowhere"']),
    ({"include_in_archive": ["notes.txt"]}, "include_in_archive.0", ['"notes.txt"']),
]


@pytest.fixture
def config(run: Run, monkeypatch: pytest.MonkeyPatch) -> str:
    """A config whose corpora and encoder must not be read, and a file that must not be imported."""
    monkeypatch.setattr(
        DatasetReader, "read", lambda reader, path: pytest.fail("a corpus was opened")
    )
    monkeypatch.setattr(
        Encoder, "__init__", lambda encoder, *_, **__: pytest.fail("an encoder was loaded")
    )
    Path("data").mkdir()
    for name in NAMES:
        Path("data", name).write_bytes(b"\xff\xfe no corpus")
    Path("adverserial.py").write_text("open('imported', 'w')", encoding="utf-8")
    path = {name: f"data/{name}" for name in NAMES}
    settings = tiny_config(train_data_path=path, test_data_path={"weibo": "data/weibo"})
    settings["validation_data_path"] = {"weibo": "data/weibo"}
    settings["model"]["encoder"] = {"type": "pretrained_transformer", "model_name": "no/encoder"}
    return write_config(Path("config.json"), settings)


@pytest.mark.parametrize(
    ("overrides", "path", "parts"), CASES, ids=[f"{i} {case[1]}" for i, case in enumerate(CASES)]
)
def test_one_message_with_the_config_path(
    run: Run, config: str, overrides: dict[str, Any], path: str, parts: list[str]
) -> None:
    result = run("train", config, "-s", "run", "-o", json.dumps(overrides))
    assert (result.status, result.out) == (2, "")
    message = result.err.removeprefix(f"error: {path}: ")
    assert message != result.err and message.count("\n") == 1
    assert [part for part in parts if part not in message] == []
    assert not Path("run").exists() and not Path("imported").exists()


def test_the_config_without_overrides_is_valid(run: Run, config: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="a corpus was opened"):
        run("train", config, "-s", "run")


@pytest.mark.parametrize(
    "command", [["train", "--dry-run"], ["build-vocab", "vocab.tar.gz"], ["count-instances"]]
)
def test_every_command_checks_the_whole_config(run: Run, config: str, command: list[str]) -> None:
    overrides = json.dumps({"model.heads": {"mrsa": "crf"}})
    result = run(command[0], config, *command[1:], "-o", overrides)
    assert result.status == 2 and result.err.startswith(
        "error: model.heads.mrsa: no dataset has this head."
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{ a: 1 b: 2 }",
            "error: STATIC ERROR: wrong.jsonnet:1:8: expected a comma before next field.",
        ),
        (
            "{ a: std.extVar('NER_DTA') }",
            'undefined external variable: NER_DTA. Did you mean "NER_DATA"?',
        ),
        ("(import 'confg.json')", 'import "confg.json": no such file. Did you mean "config.json"?'),
        ("[1]", "error: wrong.jsonnet does not evaluate to an object"),
        (
            "{ a: '\u4e2d' }".encode("gbk"),
            "error: wrong.jsonnet:1: found b'\\xd6', expected UTF-8 text",
        ),
    ],
)
def test_a_file_that_is_not_jsonnet(run: Run, config: str, text: str | bytes, message: str) -> None:
    Path("wrong.jsonnet").write_bytes(text if isinstance(text, bytes) else text.encode())
    result = run("train", "wrong.jsonnet", "-s", "run")
    assert result.status == 2 and message in result.err and "Traceback" not in result.err


def test_an_imported_file_that_is_not_utf8(run: Run, config: str) -> None:
    Path("lib.libsonnet").write_bytes("{\n a: '\u4e2d' }".encode("gbk"))
    Path("main.jsonnet").write_text("import 'lib.libsonnet'")
    result = run("train", "main.jsonnet", "-s", "run")
    assert (
        result.status == 2 and "lib.libsonnet:2: found b'\\xd6', expected UTF-8 text" in result.err
    )


def test_debugging_shows_the_traceback(
    run: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLENNLP_DEBUG", "1")
    with pytest.raises(Exception, match="trainer.patients: unknown key"):
        run("train", config, "-o", '{"trainer.patients": 3}')


def test_overrides_of_a_type(run: Run, config: str) -> None:
    """An object with another type replaces the component; the type alone keeps its keys."""
    lone = '{"model.encoder.type": "character_embedding"}'
    result = run("train", config, "--dry-run", "-o", lone)
    assert result.status == 2 and result.err.startswith("error: model.encoder.")
    assert 'of type pretrained_transformer, not of "character_embedding". An over' in result.err
    whole = '{"model.encoder": {"type": "character_embedding", "embedding_dim": 9}}'
    result = run("train", config, "--dry-run", "-o", whole)
    assert result.status == 0, result.err
    encoder = json.loads(result.out)["model"]["encoder"]
    assert encoder["embedding_dim"] == 9 and "model_name" not in encoder
