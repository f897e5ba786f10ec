"""Planned runs, as seen by the `check` hooks of components."""

from collections.abc import Iterable, Mapping
from typing import Any

from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.checks import check_parts
from ner_adv_plugin.data.checks import PlannedRun
from ner_adv_plugin.data.label_spaces import DatasetSpace


def planned(datasets: Iterable[str], heads: Mapping[str, str] | None = None) -> PlannedRun:
    """Return a planned run.

    # Parameters

    datasets : names of the datasets, each with a head of the same name.
    heads : config path by head, if the heads have other names.
    """
    names = list(datasets)
    spaces = {name: DatasetSpace(name, f"domain of {name}", "ner", "BIO") for name in names}
    return PlannedRun(
        {}, spaces, dict.fromkeys(names, "") if heads is None else heads, [], [], "fp32", 1
    )


def check(annotation: Any, config: Any, path: str, datasets: Iterable[str]) -> None:
    """Check a component's config as part of a run with these datasets; nothing is built."""
    check_parts(bind(annotation, config, path), planned(datasets), path)
