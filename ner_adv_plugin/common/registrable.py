"""Registrable: base classes whose subclasses are chosen by `type` in a config."""

from collections.abc import Mapping
from typing import Any, TypeVar

from tango.common.registrable import Registrable as TangoRegistrable

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.checks import CheckContext

T = TypeVar("T", bound="Registrable")


class Registrable(TangoRegistrable):
    """A base class with a registry of named subclasses, shared with allennlp-light through Tango's.

    `@Base.register("name")` registers, `Base.by_name("name")` and `Base.list_available()` look up;
    `Base.default_implementation` names the one taken where a config gives no `type`.
    """

    @classmethod
    def from_params(cls: type[T], params: Any, **supplied: Any) -> T:  # type: ignore[override]
        """Build from a config value; see `ner_adv_plugin.common.binding.construct`."""
        return construct(cls, params, **supplied)

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: CheckContext[Any]) -> None:
        """Refuse settings that fit the annotations and yet cannot be trained with.

        Called once for every component of a config, when the whole config is bound and before any
        data is read.

        # Parameters

        settings : the component's, defaults filled in.
        context : where the component stands, and what is known of the run.

        Raises `ConfigurationError`; its path is counted from the component's, as in a constructor.
        """

    @classmethod
    def search_modules(cls, name: str) -> None:
        """Import nothing: Tango would import every Python file of the current folder to find a misspelt name."""
