"""Search spaces: values `{lo, hi, log}` and `{choices}` anywhere in a config."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.job import TrainJob

KEYS = {"lo", "hi", "log", "choices"}
EXPECTED = "expected { lo: 1e-5, hi: 1e-3, log: true } or { choices: [1, 2] }"
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Range:
    """Numbers between two ends, both included.

    # Parameters

    lo, hi : the ends; whole numbers if both are.
    log : whether to sample the logarithm.
    """

    lo: float
    hi: float
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are sampled."""
        return isinstance(self.lo, int) and isinstance(self.hi, int)

    def examples(self) -> list[Any]:
        """Return values that stand for all, to check a config with."""
        return [self.lo, self.hi]


@dataclass(frozen=True)
class Choices:
    """Some values, of any type.

    # Parameters

    values : the values.
    """

    values: tuple[Any, ...]

    def examples(self) -> list[Any]:
        """Return values that stand for all, to check a config with."""
        return list(self.values)


SearchValue = Range | Choices


class SearchSpace:
    """A config with search values.

    # Parameters

    original : the config. In that of trials, `config`, `evaluate_on_test` is false: tuning never
        scores a test set.

    # Raises

    `ConfigurationError` with the path of a search value that makes no sense, or if there is none.

    # Examples

    >>> space = SearchSpace({"trainer": {"optimizer": {"lr": {"lo": 1e-4, "hi": 1e-2}}}})
    >>> space.values
    {'trainer.optimizer.lr': Range(lo=0.0001, hi=0.01, log=False)}
    >>> space.filled({"trainer.optimizer.lr": 0.001})["trainer"]
    {'optimizer': {'lr': 0.001}}
    """

    def __init__(self, original: Mapping[str, Any]) -> None:
        self.original = original
        self.config = {**original, "evaluate_on_test": False}
        self._paths: dict[str, Path] = {}
        self.values: dict[str, SearchValue] = {}
        for path, value in _search_values(original):
            name = ".".join(map(str, path))
            self._paths[name] = path
            self.values[name] = _checked(value, name)
        if not self.values:
            raise ConfigurationError(f"no search space in the config: {EXPECTED} for some values")

    def combinations(self, most: int) -> list[dict[str, Any]]:
        """Return all combinations of values by dotted path; empty if there are too many.

        # Parameters

        most : the largest number of them; a range has more than any number.
        """
        choices = [value.values for value in self.values.values() if isinstance(value, Choices)]
        if len(choices) < len(self.values) or prod(map(len, choices)) > most:
            return []
        return [dict(zip(self.values, values, strict=True)) for values in product(*choices)]

    def filled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the config of a trial.

        # Parameters

        values : by dotted path, in place of the search values.
        """
        return self._with(values, self.config)

    def chosen(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the original config with values in place of the search values."""
        return self._with(values, self.original)

    def _with(self, values: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(json.dumps(config))
        for name, path in self._paths.items():
            parent: Any = result
            for key in path[:-1]:
                parent = parent[key]
            parent[path[-1]] = values[name]
        return result

    def check(self) -> TrainJob:
        """Check the config, as `allennlp train` would, with the ends of ranges and all choices.

        # Returns

        The job with the first value of each.

        # Raises

        `ConfigurationError` if one of them is wrong, or if checkpoints are not chosen by the same
        validation metric for all.
        """
        first = {name: value.examples()[0] for name, value in self.values.items()}
        job = checked_job(self.filled(first))
        if not job.sources.paths.get("validation"):
            raise ConfigurationError(
                "missing: values are chosen by the validation metric", "validation_data_path"
            )
        for name, value in self.values.items():
            for example in value.examples()[1:]:
                other = checked_job(self.filled({**first, name: example}))
                if metric_of(other) != metric_of(job):
                    raise ConfigurationError(
                        "the metric by which values are chosen cannot be tuned", name
                    )
        return job


def metric_of(job: TrainJob) -> str:
    """Return the validation metric with its sign."""
    found: str = job.filled["trainer"]["validation_metric"]
    return found


def is_search_value(value: Any) -> bool:
    """Return whether a value of a config describes a range or choices.

    A dataset may be called "hi": an object is a search value if it has nothing but keys of one, or
    both ends, or a list of choices; and ends that are no objects or texts.
    """
    if not isinstance(value, dict) or not value.keys() & (KEYS - {"log"}):
        return False
    if isinstance(value.get("choices"), list) or {"lo", "hi"} <= value.keys():
        return True
    ends = [value[key] for key in ("lo", "hi") if key in value]
    return value.keys() <= KEYS and not any(isinstance(end, dict | str) for end in ends)


def _search_values(value: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield all search values below a value, with their paths."""
    if is_search_value(value):
        yield path, value
    elif isinstance(value, Mapping):
        for key, child in value.items():
            yield from _search_values(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _search_values(child, (*path, index))


def _checked(value: dict[str, Any], place: str) -> SearchValue:
    """Return a search value, checked; `place` is its path."""
    for key in value:
        if key not in KEYS or ("choices" in value and key != "choices"):
            raise ConfigurationError(f'found the key "{key}", {EXPECTED}', place)
    return _choices(value["choices"], place) if "choices" in value else _range(value, place)


def _choices(values: Any, place: str) -> Choices:
    texts = [json.dumps(one, sort_keys=True) for one in values] if isinstance(values, list) else []
    if len(texts) < 2 or len(set(texts)) < len(texts):
        raise ConfigurationError(
            f"expected a list of two or more different values, found {json.dumps(values)}",
            f"{place}.choices",
        )
    for index, one in enumerate(values):
        if next(_search_values(one), None) is not None:
            raise ConfigurationError(
                "a choice cannot have a search space of its own", f"{place}.choices.{index}"
            )
    return Choices(tuple(values))


def _range(value: dict[str, Any], place: str) -> Range:
    for key in ("lo", "hi"):
        end = value.get(key)
        if not isinstance(end, int | float) or isinstance(end, bool):
            found = f"found {json.dumps(end)}" if key in value else "it is missing"
            raise ConfigurationError(f"expected a number, {found}", f"{place}.{key}")
    lo, hi, log = value["lo"], value["hi"], value.get("log", False)
    if not isinstance(log, bool):
        raise ConfigurationError(f"expected true or false, found {json.dumps(log)}", f"{place}.log")
    if lo >= hi:
        raise ConfigurationError(f"expected more than lo, {lo}, found {hi}", f"{place}.hi")
    if log and lo <= 0:
        raise ConfigurationError(
            f"expected more than 0, as the logarithm is sampled, found {lo}", f"{place}.lo"
        )
    return Range(lo, hi, log)
