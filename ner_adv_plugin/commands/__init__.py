"""The command line. The table below imports nothing heavy; a subcommand is imported once it is chosen."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

COMMANDS = {
    "train": "train a model",
    "evaluate": "score a trained model on a corpus",
    "predict": "tag text with a trained model",
    "select": "choose the raw text that is most worth annotating",
    "find-lr": "find a learning rate by trying growing ones",
    "build-vocab": "collect the vocabulary of a config, without training",
    "count-instances": "count the rows that a config reads",
    "audit": "look through a config's corpora, and for leaked rows",
    "print-results": "print the metrics of several runs as a table",
    "diff": "compare the parameters of two models",
    "components": "list what a config can name",
    "test-install": "check that all is there and works",
}
# Those that look at files alone, or at what is installed: they start without the components.
WITHOUT_COMPONENTS = ("print-results", "diff", "test-install")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; the exit status is 2 where the user can mend what is wrong, 130 after Ctrl-C."""
    from ner_adv_plugin.common.errors import UserError

    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _run(given)
    except BrokenPipeError:
        # Whoever read the output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (UserError, OSError) as error:
        # The latter is of a full disk, or of a place that cannot be written.
        if os.environ.get("ALLENNLP_DEBUG"):
            raise
        # Of several processes, the first speaks for all.
        if os.environ.get("RANK", "0") == "0":
            print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


def _run(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="allennlp", description="Transfer learning for Chinese entity recognition.")
    parser.add_argument("--version", action="version", version=_version())
    subparsers = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    chosen = next((argument for argument in arguments if argument in COMMANDS), None)
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name == chosen:
            module = importlib.import_module(f"ner_adv_plugin.commands.{name.replace('-', '_')}")
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
            subparser.add_argument(
                "--include-package",
                action="append",
                default=[],
                metavar="PACKAGE",
                help="import a package whose components the config names; may be repeated",
            )
    parsed = parser.parse_args(arguments)
    if chosen not in WITHOUT_COMPONENTS or parsed.include_package:
        from ner_adv_plugin.commands.plugins import import_components

        import_components(parsed.include_package)
    parsed.given = arguments
    parsed.run(parsed)


def _version() -> str:
    from ner_adv_plugin import __version__

    return f"ner_adv_plugin {__version__}"
