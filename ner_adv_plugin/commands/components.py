"""`allennlp components`."""

import argparse

from ner_adv_plugin.common.errors import UserError, nearest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    parser.add_argument(
        "name", nargs="?", help="registered name or base class; everything by default"
    )
    parser.add_argument("--markdown", action="store_true", help="print all tables in Markdown")


def run(arguments: argparse.Namespace) -> None:
    """List base classes and their registered names, or the config keys of one component."""
    from ner_adv_plugin.commands import catalogue

    if arguments.markdown:
        print(catalogue.markdown())
        return

    known = catalogue.bases()
    if arguments.name is None or arguments.name in known:
        for base_name, base in known.items():
            if arguments.name in (None, base_name):
                print(f"{base_name}: {', '.join(catalogue.components(base))}")
        return

    found = list(catalogue.find(arguments.name))
    if not found:
        names = [name for base in known.values() for name in catalogue.components(base)]
        hint = nearest(arguments.name, [*names, *known])
        raise UserError(f'nothing is registered as "{arguments.name}".{hint}')
    for base_name, target in found:
        print(f"{base_name} {arguments.name}: {catalogue.summary(target)}")
        for key in catalogue.keys(target):
            default = "required" if key.default is None else f"default {key.default}"
            meaning = f": {key.meaning}" if key.meaning else ""
            print(f"  {key.name} ({key.type}, {default}){meaning}")
