"""The command line. Only the chosen subcommand is imported, so that it starts quickly.

A built-in subcommand is a module of this package with the functions `add_arguments` and `run`. A
custom subcommand is a class with methods of these names, see `ner_adv_plugin.commands.subcommand`.
"""

import argparse
import contextlib
import gc
import importlib
import os
import sys
from collections.abc import Iterator, Sequence

from ner_adv_plugin import __version__
from ner_adv_plugin.common.errors import UserError, nearest
from ner_adv_plugin.common.localisation import error_line, localised

# As in `typing`, which is not imported here to keep `allennlp --help` fast.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

COMMANDS = {
    "quickstart": "Train a model from annotated files in one go.",
    "init": "Write splits and a config from annotated files.",
    "train": "Train a model.",
    "evaluate": "Score a trained model on a corpus.",
    "predict": "Tag text with a trained model.",
    "export": "Write a model as ONNX, to predict without torch.",
    "serve": "Serve trained models over HTTP, with a page.",
    "push": "Publish a trained model with a model card.",
    "select": "Choose the raw text that is most worth annotating.",
    "find-lr": "Find a learning rate with a range test.",
    "tune": "Tune the values of a config on validation data.",
    "build-vocab": "Build the vocabulary of a config without training.",
    "count-instances": "Count the sentences of a config's corpora.",
    "convert": "Convert annotations from one format to another.",
    "join-types": "Propose one set of entity types for several corpora.",
    "audit": "Check a config's corpora for errors and leaks.",
    "compare": "Compare ways to train: did transfer help?",
    "rank-auxiliaries": "Rank source corpora for a target before training.",
    "errors": "Compare the errors of two runs.",
    "study-run": "Train one run of a study (started by compare).",
    "explain": "Say in words what a run did, and what to try next.",
    "print-results": "Print the metrics of several runs as a table.",
    "diff": "Compare the parameters of two models.",
    "components": "List the components that a config can use.",
    "recipes": "List, print or copy the recipes of the package.",
    "test-install": "Check the installation by training a tiny model.",
}
# Subcommands that start without importing the components.
WITHOUT_COMPONENTS = ("explain", "print-results", "diff", "recipes", "test-install")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; the exit status is 2 for user errors and 130 after Ctrl-C.

    # Parameters

    arguments : the command-line arguments; those of the process by default.
    """
    if "_ARGCOMPLETE" in os.environ:
        from ner_adv_plugin.commands.completion.tab import complete

        complete()
    try:
        with _without_collection():
            parsed = _parse(list(sys.argv[1:] if arguments is None else arguments))
        with _sharing_cpus(parsed.threads):
            parsed.run(parsed)
    except BrokenPipeError:
        # The reader of the output has closed it, such as `head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (UserError, OSError) as error:
        # An OSError here means a full disk or a path that is not writable.
        if os.environ.get("ALLENNLP_DEBUG"):
            raise
        # Of several processes, only the first prints the error.
        if os.environ.get("RANK", "0") == "0":
            print(error_line(str(error)), file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as interruption:
        if os.environ.get("RANK", "0") == "0":
            print(str(interruption) or "interrupted", file=sys.stderr)
        sys.exit(130)


def module_of(name: str) -> str:
    """Return the dotted name of a built-in subcommand's module."""
    return f"{__name__}.{name.replace('-', '_')}"


class Parser(argparse.ArgumentParser):
    """A parser whose errors are in the language of the user."""

    def error(self, message: str) -> "NoReturn":
        """Print usage and error, and end the program with status 2."""
        super().error(localised(message))


def shared_flags() -> Parser:
    """Return a parser of the flags that every subcommand has."""
    shared = Parser(prog="allennlp", add_help=False)
    shared.add_argument(
        "--include-package",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="import a package with custom components or subcommands; may be repeated",
    )
    shared.add_argument(
        "--threads",
        type=_positive,
        metavar="N",
        help="threads on the CPU; by default as many as the CPUs that the process may use",
    )
    return shared


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of 1 or more, found {text}")
    return int(text)


def _lazy_action(is_used: bool) -> str | type[argparse.Action]:
    """Return the action of `--install-completion`, imported only if it is used."""
    if not is_used:
        return "store"
    from ner_adv_plugin.commands.completion.setup import InstallCompletion

    return InstallCompletion


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Search for no garbage during the imports of a new process: all their objects stay."""
    if "torch" in sys.modules or not gc.isenabled():
        yield
        return

    gc.disable()
    try:
        yield
    finally:
        # Later searches leave out what exists now.
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def _sharing_cpus(threads: int | None) -> Iterator[None]:
    """Set the number of threads and share the CPUs with other runs, if the subcommand may compute.

    # Parameters

    threads : value of `--threads`.
    """
    if "torch" not in sys.modules:
        yield
        return

    from ner_adv_plugin.common.cpu_share import sharing_cpus
    from ner_adv_plugin.common.threads import using_threads

    with using_threads(threads), sharing_cpus():
        yield


def _parse(arguments: list[str]) -> argparse.Namespace:
    """Parse the arguments and import what the subcommand needs.

    # Returns

    The parsed arguments, with the subcommand's function as `run` and the raw arguments as
    `raw_arguments`.
    """
    # Parsed before the subcommand, which the package may define; accepted on either side of it.
    shared = shared_flags()
    known, rest = shared.parse_known_args(arguments)
    installs = bool(rest) and rest[0].startswith("--install-completion")
    chosen = next((argument for argument in rest if not argument.startswith("-")), None)
    chosen = None if installs else chosen

    summaries, custom = COMMANDS, {}
    if chosen not in COMMANDS and rest != ["--version"] and not installs:
        from ner_adv_plugin.commands.plugins import custom_subcommands

        custom = custom_subcommands(known.include_package, may_fail=chosen is None)
        summaries = COMMANDS | {name: subcommand.summary() for name, subcommand in custom.items()}

    description = "Transfer learning for Chinese entity recognition."
    parser = Parser(prog="allennlp", description=description, parents=[shared])
    parser.add_argument("--version", action="version", version=f"ner_adv_plugin {__version__}")
    parser.add_argument(
        "--install-completion",
        action=_lazy_action(installs),
        nargs="?",
        metavar="SHELL",
        help="complete commands on TAB in bash, zsh or fish; by default in that of $SHELL",
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in summaries.items():
        # argparse applies %-formatting to the help text.
        shown = summary.replace("%", "%%")
        subparser = subparsers.add_parser(name, help=shown, description=summary, parents=[shared])
        if name == chosen:
            subcommand = custom.get(name) or importlib.import_module(module_of(name))
            subcommand.add_arguments(subparser)
            subparser.set_defaults(run=subcommand.run)

    if chosen is not None and chosen not in summaries:
        hint = nearest(chosen, summaries)
        parser.error(f'no command "{chosen}".{hint} A custom one needs --include-package.')
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown:
        chosen_parser = subparsers.choices.get(chosen or "", parser)
        hint = nearest(unknown[0].partition("=")[0], chosen_parser._option_string_actions)
        chosen_parser.error(f"unrecognized arguments: {' '.join(unknown)}.{hint}")
    parsed.raw_arguments, parsed.threads = arguments, known.threads
    # A flag before the subcommand is lost in `parsed`.
    parsed.include_package = known.include_package

    if chosen not in WITHOUT_COMPONENTS or known.include_package:
        from ner_adv_plugin.commands.plugins import import_components

        import_components(known.include_package)
    return parsed
