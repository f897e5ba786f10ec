"""Runs that are planned only: what checks of settings know of them."""

from collections.abc import Iterable, Mapping
from typing import Any

from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.checks import check_parts
from ner_adv_plugin.data.checks import PlannedRun
from ner_adv_plugin.data.vocabulary import DatasetSpace


def planned(datasets: Iterable[str], heads: Mapping[str, str] | None = None) -> PlannedRun:
    """A run over datasets that have their own names as heads, unless `heads` says where others are named."""
    names = list(datasets)
    spaces = {name: DatasetSpace(name, "news", "ner", "BIO") for name in names}
    return PlannedRun(
        {}, spaces, dict.fromkeys(names, "") if heads is None else heads, [], [], "fp32", 1
    )


def check(annotation: Any, config: Any, path: str, datasets: Iterable[str]) -> None:
    """Check a part of a config as that of a run over these datasets; nothing is built."""
    check_parts(bind(annotation, config, path), planned(datasets), path)
