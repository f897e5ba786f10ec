"""The catalogue says what the code takes, and the reference what the catalogue says."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import _jsonnet
import pytest
from allennlp_light.modules.seq2seq_encoders import LstmSeq2SeqEncoder

from docs.site.components import example
from ner_adv_plugin.commands import catalogue
from ner_adv_plugin.commands.subcommand import Subcommand
from ner_adv_plugin.common.params import default_variables
from ner_adv_plugin.common.schema import parameters
from ner_adv_plugin.modules.heads import CrfHead
from tests.tiny import ROOT

SHOW_PAGES = """
import json, ner_adv_plugin.components
from docs.site.components import pages
print(json.dumps(pages()))
"""


def test_reference_has_a_page_for_every_component_with_every_key() -> None:
    # In a process of its own, where no test has registered anything.
    command = [sys.executable, "-c", SHOW_PAGES]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    pages = json.loads(shown)
    command = [sys.executable, "-m", "ner_adv_plugin", "components"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    for line in listed.splitlines():
        base, _, names = line.partition(": ")
        folder = "".join(f"-{c.lower()}" if c.isupper() else c for c in base).strip("-")
        folder = folder.replace("seq2-", "seq2")
        assert f"[{base}]({folder}/index.md)" in pages["components"]
        for name in names.split(", "):
            assert f"[`{name}`]({name}.md)" in pages[f"{folder}/index"]
            # The same keys as the command line shows, with the same defaults.
            described = pages[f"{folder}/{name}"]
            for key in catalogue.keys(catalogue.components(catalogue.bases()[base])[name]):
                default = "required" if key.default is None else f"`{key.default}`"
                (row,) = [
                    row for row in described.splitlines() if row.startswith(f"| `{key.name}` |")
                ]
                assert f" | {default.replace('|', chr(92) + '|')} | " in row


@pytest.mark.parametrize("base", list(catalogue.bases()))
def test_examples_of_components_are_jsonnet_with_known_keys(base: str) -> None:
    known = catalogue.components(catalogue.bases()[base])
    for name, target in known.items():
        text = example(name, target)
        config = json.loads(_jsonnet.evaluate_snippet(name, text, ext_vars=default_variables()))
        aliases = [alias for alias, other in known.items() if other is target]
        found = next(found for alias in aliases for found in _objects_of_type(config, alias))
        assert found.keys() - {"type"} <= {key.name for key in catalogue.keys(target)}


def _objects_of_type(value: Any, name: str) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and value.get("type") == name:
        yield value
    children = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    )
    for child in children:
        yield from _objects_of_type(child, name)


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
