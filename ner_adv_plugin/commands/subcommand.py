"""The base class of custom subcommands."""

import argparse
import inspect
import re
from collections.abc import Callable
from typing import Any

from ner_adv_plugin.commands import COMMANDS, module_of
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.registrable import Registrable


class Subcommand(Registrable):
    '''Base class of custom subcommands; the first sentence of its docstring is the help text.

    The constructor is called without arguments. A built-in subcommand is a module with the same two
    functions.

    # Examples

    >>> @Subcommand.register("hello")
    ... class Hello(Subcommand):
    ...     """Greet somebody."""
    ...
    ...     def add_arguments(self, parser: argparse.ArgumentParser) -> None:
    ...         parser.add_argument("name")
    ...
    ...     def run(self, arguments: argparse.Namespace) -> None:
    ...         print(f"Hello, {arguments.name}!")

    If this class is in the package `mine`, the command line
    `allennlp hello Ann --include-package mine` prints "Hello, Ann!".
    '''

    @classmethod
    def register(cls, name: str, *args: Any, **kwargs: Any) -> Callable[[type], type]:
        """Register a subcommand.

        # Parameters

        name : the name of the subcommand.
        args, kwargs : see `Registrable.register`.

        # Raises

        UserError : if a built-in subcommand has this name.
        """
        add = super().register(name, *args, **kwargs)

        def check_and_add(subclass: type) -> type:
            if name in COMMANDS:
                shown = f"{subclass.__module__}.{subclass.__qualname__}"
                raise UserError(
                    f'{shown}: "{name}" is the name of the built-in subcommand {module_of(name)}'
                )
            return add(subclass)

        return check_and_add

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add flags and positional arguments to the subcommand's parser; none by default."""

    def run(self, arguments: argparse.Namespace) -> None:
        """Run the subcommand.

        A `UserError` is printed without a traceback, and the exit status is 2.

        # Parameters

        arguments : the parsed arguments.
        """
        raise NotImplementedError

    def summary(self) -> str:
        """Return the first sentence of the class's docstring."""
        text = " ".join(inspect.cleandoc(type(self).__doc__ or "").split())
        return re.split(r"(?<=[.!?]) ", text, maxsplit=1)[0]
