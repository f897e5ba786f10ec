"""`allennlp components`."""

import argparse

from ner_adv_plugin.common.errors import UserError, nearest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to show."""
    parser.add_argument(
        "name", nargs="?", help="a registered name, or a base class; all where left out"
    )
    parser.add_argument("--markdown", action="store_true", help="print all of it as tables in Markdown")


def run(arguments: argparse.Namespace) -> None:
    """List base classes and what is registered, or the keys of one component."""
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
        raise UserError(
            f'nothing is registered as "{arguments.name}".{nearest(arguments.name, [*names, *known])}'
        )
    for base_name, target in found:
        print(f"{base_name} {arguments.name}: {catalogue.summary(target)}")
        for key in catalogue.keys(target):
            default = "required" if key.default is None else f"default {key.default}"
            meaning = f": {key.meaning}" if key.meaning else ""
            print(f"  {key.name} ({key.type}, {default}){meaning}")
