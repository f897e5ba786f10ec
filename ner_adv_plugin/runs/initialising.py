"""Initial weights from an earlier run, an archive or a file of weights."""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.archives.extraction import opened
from ner_adv_plugin.archives.writing import BEST, VOCABULARY, WEIGHT_FILES, WEIGHTS
from ner_adv_plugin.common.errors import ConfigurationError, UserError, nearest, nearest_file
from ner_adv_plugin.common.files import is_url, local_path
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models import Model
from ner_adv_plugin.models.weights import fault_of, read_weights
from ner_adv_plugin.modules.encoders import Encoder
from ner_adv_plugin.training.optimization.parameter_groups import check_patterns

logger = logging.getLogger(__name__)
WEIGHTS_FILE = "weights_file_path"


@dataclass(frozen=True)
class WeightsSource:
    """Weights to take, with the vocabulary that they belong to.

    # Parameters

    weights : the weights by name.
    shown : the name of their file in messages.
    vocab : the vocabulary of the run that trained them; None if only its weights are at hand.
    """

    weights: Mapping[str, Any]
    shown: str
    vocab: Vocabulary | None = None

    def fault(self, model: Model, name: str, source_name: str) -> str | None:
        """Return why a parameter cannot take its values from here; None if it can.

        # Parameters

        model : the model.
        name, source_name : the name of the parameter in the model, and here.

        # Raises

        UserError : if the values are not finite numbers.
        """
        if source_name not in self.weights:
            return f"missing there.{nearest(source_name, self.weights)}"

        expected, found = model.get_parameter(name), self.weights[source_name]
        if isinstance(found, Tensor) and found.shape != expected.shape:
            return f"shape {tuple(found.shape)} there, {tuple(expected.shape)} here"
        if fault := fault_of(expected, found):
            raise UserError(f"{self.shown}: {source_name} {fault}")
        return None if self.vocab is None else _other_entries(model, name, source_name, self.vocab)


@dataclass
class Report:
    """What an initializer took, and what not.

    # Parameters

    taken : by parameter of the model, the source of its values.
    left : by parameter of the model, why it keeps its fresh values.
    """

    taken: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def log(self, model: Model) -> None:
        """Log a line for each part of the model and source, and for each parameter left out."""
        total = sum(1 for _ in model.parameters())
        logger.info("initial weights: %d of %d parameters taken", len(self.taken), total)
        parts: dict[tuple[str, str], int] = {}
        for name, shown in self.taken.items():
            key = (_part(name), shown)
            parts[key] = parts.get(key, 0) + 1
        for (part, shown), count in parts.items():
            logger.info("initial weights: %s: %d parameters from %s", part, count, shown)
        for name, reason in self.left.items():
            logger.warning("initial weights: %s keeps its fresh values: %s", name, reason)


class Initializer(Registrable):
    """Base class of initializers, which set parameters before training."""

    default_implementation = "pretrained"

    def files(self) -> dict[str, str]:
        """Return the files that are read, by key of the config."""
        return {}

    def initialise(self, model: Model, names: Sequence[str], report: Report) -> None:
        """Set parameters of a model, and add them to a report.

        # Parameters

        model : the model.
        names : the names of the parameters.
        report : what was taken and what not.
        """
        raise NotImplementedError


@Initializer.register("pretrained")
class PretrainedInitializer(Initializer):
    """Take parameters of the same name from an earlier run.

    Registered as "pretrained", AllenNLP's name. A parameter keeps its fresh values if the file has
    none of its name, or one of another shape, or if its entries mean something else there: other
    entity types of its head, other characters, other domains. Each is logged.

    # Parameters

    weights_file_path : an archive `model.tar.gz`, the folder of a run (its best weights), or a file
        of weights (`.th`); a path or a URL.
    parameter_name_overrides : for a parameter of the model, the name of the one to take.

    # Example

    ```jsonnet
    { type: 'pretrained', weights_file_path: 'runs/msra/model.tar.gz' }
    ```
    """

    def __init__(
        self, weights_file_path: str, parameter_name_overrides: dict[str, str] | None = None
    ) -> None:
        self.weights_file_path = weights_file_path
        self.parameter_name_overrides = parameter_name_overrides or {}

    def files(self) -> dict[str, str]:
        """See `Initializer.files`."""
        return {WEIGHTS_FILE: self.weights_file_path}

    def initialise(self, model: Model, names: Sequence[str], report: Report) -> None:
        """See `Initializer.initialise`.

        # Raises

        ConfigurationError : if the file has not one of the parameters.
        """
        for name in self.parameter_name_overrides:
            if name not in names:
                raise ConfigurationError(
                    f"it is not among the parameters that the pattern matches.{_hint(name, names)}",
                    f"parameter_name_overrides.{name}",
                )

        sources = {name: self.parameter_name_overrides.get(name, name) for name in names}
        with _source(self.weights_file_path) as source:
            if not any(other in source.weights for other in sources.values()):
                first = next(iter(sources.values()))
                raise ConfigurationError(
                    f"{source.shown} has none of the {len(names)} parameters that the pattern"
                    f" matches, such as {first}.{_hint(first, map(str, source.weights))}",
                    WEIGHTS_FILE,
                )
            take(model, sources, source, report)


@dataclass
class InitializerApplicator:
    """Initializers for parameters by regular expressions, as in AllenNLP.

    A parameter is set by the first expression found in its name. Those that none matches keep the
    fresh values that follow from the seed and their name.

    # Parameters

    regexes : pairs of a regular expression, searched for in the names of parameters, and an
        `Initializer`.
    prevent_regexes : parameters that match one of these keep their fresh values.
    """

    regexes: list[tuple[str, Initializer]]
    prevent_regexes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_patterns([pattern for pattern, _ in self.regexes], "regexes")
        check_patterns(self.prevent_regexes, "prevent_regexes")

    def files(self) -> dict[str, str]:
        """Return the files that are read, by config path below the applicator."""
        return {
            f"regexes.{index}.1.{key}": path
            for index, (_, initializer) in enumerate(self.regexes)
            for key, path in initializer.files().items()
        }

    def apply(self, model: Model) -> Report:
        """Set the parameters of a model and log a report.

        # Raises

        ConfigurationError : if an expression matches no parameter, or one that takes nothing.
        """
        report = Report()
        names = [name for name, _ in model.named_parameters()]
        for index, (owned, (pattern, initializer)) in enumerate(
            zip(self._owned(names), self.regexes, strict=True)
        ):
            if not owned:
                is_taken = any(re.search(pattern, name) for name in names)
                reason = (
                    "all parameters that it matches belong to an earlier pattern or prevent_regexes"
                    if is_taken
                    else f"it matches no parameter of the model.{_hint(pattern, names)}"
                )
                raise ConfigurationError(f'"{pattern}": {reason}', f"regexes.{index}.0")
            try:
                initializer.initialise(model, owned, report)
            except ConfigurationError as error:
                raise ConfigurationError(
                    error.message, f"regexes.{index}.1.{error.path}".rstrip(".")
                ) from error
        report.log(model)
        return report

    def _owned(self, names: Sequence[str]) -> list[list[str]]:
        """Return the parameters that each expression sets."""
        owned: list[list[str]] = [[] for _ in self.regexes]
        for name in names:
            if any(re.search(pattern, name) for pattern in self.prevent_regexes):
                continue
            for index, (pattern, _) in enumerate(self.regexes):
                if re.search(pattern, name):
                    owned[index].append(name)
                    break
        return owned


@torch.no_grad()
def take(model: Model, sources: Mapping[str, str], source: WeightsSource, report: Report) -> None:
    """Set parameters of a model to weights, and add them to a report.

    # Parameters

    model : the model.
    sources : by parameter of the model, the name of the weight to take.
    source : the weights.
    report : what was taken and what not.
    """
    for name, other in sources.items():
        if reason := source.fault(model, name, other):
            report.left[name] = reason
        else:
            model.get_parameter(name).copy_(source.weights[other])
            renamed = "" if other == name else f" ({other})"
            report.taken[name] = f"{source.shown}{renamed}"


def file_to_digest(path: str) -> Path:
    """Return the file whose content decides what is taken from a path of weights."""
    found = local_path(path)
    if not found.is_dir():
        return found
    return next((found / name for name in WEIGHT_FILES if (found / name).is_file()), found)


def check_weights_path(path: str, config_path: str) -> None:
    """Check that a path of weights exists; URLs are not checked.

    # Raises

    ConfigurationError : if it does not, or if a folder has no weights.
    """
    if is_url(path):
        return
    if not Path(path).exists():
        raise ConfigurationError(f'no such file "{path}".{nearest_file(Path(path))}', config_path)
    if Path(path).is_dir() and file_to_digest(path).is_dir():
        raise ConfigurationError(f'no {WEIGHTS} or {BEST} in "{path}"', config_path)


@contextmanager
def _source(path: str) -> Iterator[WeightsSource]:
    """Open weights; a folder or an archive also has the vocabulary."""
    file = local_path(path)
    if file.is_dir() or file.name.endswith(".gz"):
        with opened(path) as folder:
            weights = file_to_digest(str(folder))
            if weights.is_dir():
                raise UserError(f"{path}: no {WEIGHTS} or {BEST}")
            has_vocabulary = (folder / VOCABULARY).is_dir()
            vocab = Vocabulary.from_files(folder / VOCABULARY) if has_vocabulary else None
            yield WeightsSource(read_weights(weights, path, mapped=True), path, vocab)
    else:
        yield WeightsSource(read_weights(file, path, mapped=True), path)


def _other_entries(model: Model, name: str, source_name: str, vocab: Vocabulary) -> str | None:
    """Return how the meaning of a parameter's entries differs in another run's vocabulary."""
    part, _, rest = name.partition(".")
    if part == "heads":
        head, other = rest.split(".")[0], (source_name.split(".") + [""])[1]
        here = model.vocab.label_space(head).types
        there = vocab.label_space(other).types if other in vocab.heads else here
        if here != there:
            return f"its head has the types {', '.join(there)} there, {', '.join(here)} here"

    encoder = getattr(model, "encoder", None)
    if part == "encoder" and isinstance(encoder, Encoder):
        return encoder.other_entries(rest, model.vocab, vocab)
    if part == "objectives" and model.vocab.domains != vocab.domains:
        return "other domains there"
    return None


def _hint(pattern: str, names: Iterable[str]) -> str:
    """Return the name of a parameter, or of a part of the model, that is similar to a pattern."""
    plain = re.sub(r"[\\^$*+?()\[\]|]", "", pattern).strip(".")
    known = {name.rsplit(".", count)[0] for name in names for count in range(name.count(".") + 1)}
    return nearest(plain, sorted(known))


def _part(name: str) -> str:
    """Return the part of the model to which a parameter belongs, such as "heads.weibo"."""
    parts = name.split(".")
    return ".".join(parts[: 2 if parts[0] in ("heads", "towers", "objectives") else 1])
