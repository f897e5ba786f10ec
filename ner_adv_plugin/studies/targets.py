"""Studies of several targets: each target is a study of its own, with settings in common."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.errors import ConfigurationError, UserError, joined
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.studies.study import Study, check_file_names, study_of


@dataclass(frozen=True)
class TargetsStudy:
    """A study of several targets; its config has `targets` in place of `target`.

    Each target is a study of its own, in a subfolder of its name: arms are compared, and p-values
    corrected by Holm, within a target. All keys of `Study` but `target` may stand beside `targets`,
    for all targets, or below a target, which takes precedence.

    # Parameters

    studies : the study of each target.
    shared_keys : the keys beside `targets` that each target has from there.

    # Example

    ```jsonnet
    {
      targets: {
        weibo: {
          baseline: 'weibo',
          arms: {
            weibo: { config: 'weibo.jsonnet' },
            msra: { config: 'weibo_msra.jsonnet' },
          },
        },
        msra: {
          baseline: 'msra',
          arms: {
            msra: { config: 'msra.jsonnet' },
            weibo: { config: 'weibo_msra.jsonnet' },
          },
          sizes: [1000],
        },
      },
      seeds: 3,
    }
    ```
    """

    studies: Mapping[str, Study]
    shared_keys: Mapping[str, frozenset[str]]

    @contextmanager
    def at(self, target: str) -> Iterator[None]:
        """Name the target in errors that are raised in the block."""
        with _at(target, self.shared_keys[target]):
            yield


def load_studies(path: str | Path, overrides: str = "") -> Study | TargetsStudy:
    """Read and check the config of a study of one or several targets.

    # Raises

    `ConfigurationError` with the path in the study of what is wrong.
    """
    config = load_config(path, overrides)
    return targets_of(config) if "targets" in config else study_of(config)


def targets_of(config: Mapping[str, Any]) -> TargetsStudy:
    """Check the config of a study of several targets; see `load_studies`."""
    if "target" in config:
        raise ConfigurationError("either target or targets, found both", "target")
    targets = bind(dict[str, dict[str, Any]], config["targets"], "targets").build({})
    if not targets:
        raise ConfigurationError("expected one target or more, by dataset", "targets")
    check_file_names(targets, "targets", "a target")

    shared = {key: value for key, value in config.items() if key != "targets"}
    shared_keys = {name: frozenset(shared.keys() - own.keys()) for name, own in targets.items()}
    studies = {}
    for name, own in targets.items():
        if "target" in own:
            raise ConfigurationError(
                f'the target is "{name}", the name of this block', f"targets.{name}.target"
            )
        with _at(name, shared_keys[name]):
            studies[name] = study_of({**shared, **own, "target": name})
    return TargetsStudy(studies, shared_keys)


@contextmanager
def _at(target: str, shared_keys: frozenset[str]) -> Iterator[None]:
    """Name a target in errors: in their path, unless it is that of a key of all targets."""
    place = f"targets.{target}"
    try:
        yield
    except ConfigurationError as error:
        if error.path.split(".")[0] in shared_keys:
            raise ConfigurationError(f"{error.message} ({place})", error.path) from error
        raise ConfigurationError(error.message, joined(place, error.path)) from error
    except UserError as error:
        raise UserError(f"{place}: {error}") from error
