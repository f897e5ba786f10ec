"""The catalogue says what the code takes, and the README what the catalogue says."""

import subprocess
import sys
from pathlib import Path

import pytest
from allennlp_light.modules.seq2seq_encoders import LstmSeq2SeqEncoder

from ner_adv_plugin.commands import catalogue
from ner_adv_plugin.commands.subcommand import Subcommand
from ner_adv_plugin.common.schema import parameters
from ner_adv_plugin.modules.heads import CrfHead


def test_readme_holds_the_table_of_components(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    table = readme.split("<!-- components -->")[1].split("<!-- /components -->")[0]
    # In a process of its own, where no test has registered anything.
    command = [sys.executable, "-m", "ner_adv_plugin", "components", "--markdown"]
    shown = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    assert table.strip() == shown.strip(), (
        "put the output of `allennlp components --markdown` there"
    )


def test_bases() -> None:
    assert {
        "Model",
        "Head",
        "Encoder",
        "DatasetReader",
        "MultiTaskScheduler",
        "Seq2SeqEncoder",
    } <= set(catalogue.bases())
    assert set(catalogue.components(catalogue.bases()["Model"])) >= {
        "crf_tagger",
        "hard_sharing",
        "asymmetric",
        "adversarial",
    }


def test_keys_have_type_default_and_meaning() -> None:
    keys = {key.name: key for key in catalogue.keys(CrfHead)}
    assert set(keys) == {"reads", "weight", "dropout", "normalize_by", "scheme", "constrained"}
    assert keys["weight"] == catalogue.Key(
        "weight", "float", "1.0", "weight of the task loss, 0 or more."
    )
    assert keys["normalize_by"].type == '"characters" or "sentences" or "rows"'
    assert keys["reads"].default == "null"


def test_supplied_arguments_are_not_keys() -> None:
    assert "input_size" in {parameter.name for parameter in parameters(LstmSeq2SeqEncoder)}
    assert "input_size" not in {key.name for key in catalogue.keys(LstmSeq2SeqEncoder)}


class Shouted:
    """Reader of texts in which
    names are in capitals. Registered as "shouted".

    # Parameters

    loud : whether everything is in capitals,
        or not.
    """  # noqa: D205

    def __init__(self, loud: bool = True, head: str | None = None) -> None:
        pass


class Silent(Shouted):
    def __init__(self, loud: bool = False) -> None:
        pass


def test_a_custom_component_is_described_by_its_docstring() -> None:
    assert catalogue.summary(Shouted) == "Reader of texts in which names are in capitals."
    assert catalogue.keys(Shouted) == [
        catalogue.Key("loud", "bool", "true", "whether everything is in capitals, or not."),
        catalogue.Key("head", "str", "null", ""),
    ]


def test_without_a_docstring_the_package_is_named() -> None:
    assert catalogue.summary(LstmSeq2SeqEncoder) == "`LstmSeq2SeqEncoder` of allennlp-light."
    assert catalogue.summary(Silent) == f"`Silent` of {Silent.__module__.split('.')[0]}."
    assert catalogue.keys(Silent)[0].meaning == "whether everything is in capitals, or not."


def test_subcommands_are_not_components() -> None:
    assert not any(issubclass(base, Subcommand) for base in catalogue.bases().values())


@pytest.mark.parametrize("base", list(catalogue.bases()))
def test_every_key_of_this_package_has_a_meaning(base: str) -> None:
    nameless = [
        f"{name}.{key.name}"
        for name, target in catalogue.components(catalogue.bases()[base]).items()
        if target.__module__.startswith("ner_adv_plugin")
        for key in catalogue.keys(target)
        if not key.meaning or key.meaning.startswith("see `")
    ]
    assert not nameless
