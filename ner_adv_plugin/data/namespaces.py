"""Namespaces and datasets of a vocabulary: names, and what they must hold."""

import json
from collections.abc import Mapping

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.wording import shown
from ner_adv_plugin.data.label_spaces import DatasetSpace, agreed_task, heads_of
from ner_adv_plugin.data.vocabulary_files import ENTRIES, TASKS_FILE

DOMAINS = "domains"
CHARACTERS = "characters"
PADDING, UNKNOWN = "@@PADDING@@", "@@UNKNOWN@@"


def datasets_of(content: bytes) -> dict[str, DatasetSpace]:
    """Parse `datasets.json`: task and domain of each dataset, by name.

    # Raises

    ConfigurationError, ValueError : if it is not valid.
    """
    spaces = json.loads(content)
    settings = spaces.values() if isinstance(spaces, dict) else ()
    if any(isinstance(space, dict) and "scheme" in space for space in settings):
        raise ValueError(
            f"{TASKS_FILE} was written by ner_adv_plugin 0.1, which stored tags instead of types: "
            "collect it again with `allennlp build-vocab`, or remove `vocabulary` from the config"
        )
    datasets: dict[str, DatasetSpace] = construct(dict[str, DatasetSpace], spaces, TASKS_FILE)
    return datasets


def check_namespaces(
    datasets: Mapping[str, DatasetSpace], namespaces: Mapping[str, list[str]]
) -> None:
    """Check that the namespaces are those of the datasets.

    # Parameters

    datasets : task and domain of each dataset.
    namespaces : entries of each namespace.

    # Raises

    ValueError : with the name of the first file that is missing or does not fit `datasets.json`.
    """
    heads = heads_of(datasets)
    if not heads:
        return
    for namespace in (CHARACTERS, DOMAINS, *(f"{head}_types" for head in heads)):
        if namespace not in namespaces:
            raise ValueError(f"{namespace}{ENTRIES} is missing")

    characters = namespaces[CHARACTERS]
    if characters[:2] != [PADDING, UNKNOWN]:
        raise ValueError(
            f"{CHARACTERS}{ENTRIES} begins with {shown(characters[:2])}, "
            f'expected "{PADDING}" and "{UNKNOWN}"'
        )
    for index, character in enumerate(characters[2:], 3):
        if len(character) != 1:
            raise ValueError(
                f"{CHARACTERS}{ENTRIES}: line {index}: expected one character, "
                f"found {shown(character)}"
            )
    for name, space in datasets.items():
        if space.domain not in namespaces[DOMAINS]:
            raise ValueError(
                f'{DOMAINS}{ENTRIES} lacks "{space.domain}", the domain of dataset "{name}"'
            )
    for head in heads:
        _check_types(head, agreed_task(head, datasets), namespaces[f"{head}_types"])


def _check_types(head: str, task: str, types: list[str]) -> None:
    """Check that words have one type without a name, and that entity types have names."""
    file = f"{head}_types{ENTRIES}"
    if task == "segmentation" and types != [""]:
        raise ValueError(
            f'{file}: head "{head}" finds words: expected one empty name, found {shown(types)}'
        )
    if task != "segmentation" and "" in types:
        raise ValueError(f'{file}: head "{head}" finds entities: expected names, found ""')
