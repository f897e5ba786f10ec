"""The transfer matrix of a study of several targets: every arm against each target's baseline."""

from collections.abc import Iterator, Mapping
from typing import Any

# What a cell has of an arm of `results.json`.
OF_A_CELL = ("difference", "interval", "p_holm", "verdict")


def transfer_matrices(results: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the transfer matrix of every budget and size.

    # Parameters

    results : the content of `results.json` of every target.

    # Returns

    Budget, size (None for all sentences), the arms that are not baselines, and a row for each
    target: its baseline, the baseline's mean F1, and a cell for each arm, None if it has no such.
    """
    keys = dict.fromkeys(
        (family["budget"], family["size"]) for one in results.values() for family in one["families"]
    )
    for budget, size in keys:
        families = {
            target: family
            for target, one in results.items()
            for family in one["families"]
            if (family["budget"], family["size"]) == (budget, size)
        }
        arms = dict.fromkeys(
            name
            for family in families.values()
            for name, arm in family["arms"].items()
            if "difference" in arm
        )
        yield {
            "budget": budget,
            "size": size,
            "arms": list(arms),
            "rows": {
                target: _row(results[target]["baseline"], family, arms)
                for target, family in families.items()
            },
        }


def _row(baseline: str, family: Mapping[str, Any], arms: Mapping[str, None]) -> dict[str, Any]:
    own = {name: arm for name, arm in family["arms"].items() if "difference" in arm}
    return {
        "baseline": baseline,
        "baseline_f1": family["arms"][baseline]["mean_f1"],
        "cells": {
            name: {key: own[name][key] for key in OF_A_CELL} if name in own else None
            for name in arms
        },
    }
