"""Base class of components that a config chooses by `type`."""

from collections.abc import Mapping
from typing import Any, TypeVar

from tango.common.registrable import Registrable as TangoRegistrable

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.checks import CheckContext

T = TypeVar("T", bound="Registrable")


class Registrable(TangoRegistrable):
    """Base class with a registry of named subclasses.

    `@Base.register("name")` registers a subclass, `Base.by_name("name")` and
    `Base.list_available()` look it up. `Base.default_implementation` names the subclass used if a
    config has no `type`. The registry is Tango's, which allennlp-light uses as well.

    # Examples

    >>> class Greeting(Registrable):
    ...     pass
    >>> @Greeting.register("polite")
    ... class PoliteGreeting(Greeting):
    ...     def __init__(self, name: str = "friend") -> None:
    ...         self.text = f"Good morning, {name}!"
    >>> Greeting.from_params({"type": "polite", "name": "Li"}).text
    'Good morning, Li!'
    """

    @classmethod
    def from_params(cls: type[T], params: Any, **supplied: Any) -> T:  # type: ignore[override]
        """Build an instance from a config value; see `ner_adv_plugin.common.binding.construct`."""
        return construct(cls, params, **supplied)

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: CheckContext[Any]) -> None:
        """Refuse settings that fit the annotations but cannot work.

        Called once for every component of a config, after the whole config is bound and before any
        data is read.

        # Parameters

        settings : the settings of the component, including defaults.
        context : the position of the component in the config, and what is known about the run.

        # Raises

        ConfigurationError : its path is relative to the component, as in a constructor.
        """

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the constructor uses for keys that are null, as config values.

        `allennlp train --dry-run` prints them. Keys whose null means "none", or whose value depends
        on data, are left out.

        # Parameters

        settings : the settings of the component, including defaults.
        """
        return {}

    @classmethod
    def files_read(cls, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the files and archives, besides corpora, whose content decides what a run learns.

        A run that is resumed must find the same content.

        # Parameters

        settings : the settings of the component, including defaults.

        # Returns

        Paths by config key, relative to the component.
        """
        return {}

    @classmethod
    def search_modules(cls, name: str) -> None:
        """Do nothing; Tango would import every Python file below the current folder."""
