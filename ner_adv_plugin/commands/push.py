"""`allennlp push`."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    parser.add_argument("archive_file", help="model.tar.gz, its URL, or the folder of a run")
    parser.add_argument(
        "target", help="repository hf://ORG/NAME, which may be followed by @BRANCH, or a folder"
    )
    parser.add_argument("--license", metavar="ID", help="licence of the model, such as apache-2.0")
    parser.add_argument(
        "--language",
        action="append",
        metavar="CODE",
        help="language of the texts (zh); may be repeated",
    )
    parser.add_argument("--card", metavar="FILE", help="model card to use instead of a written one")
    parser.add_argument(
        "--without-data",
        action="store_true",
        help="do not read the corpora of the run for the model card",
    )
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument("--message", metavar="TEXT", help="message of the commit")


def run(arguments: argparse.Namespace) -> None:
    """Publish a trained model with its model card."""
    from ner_adv_plugin.common.hubs.hub_path import parse_hub_path
    from ner_adv_plugin.common.logging import log_to
    from ner_adv_plugin.publishing import Publication, publish

    log_to()
    how = Publication(
        language=arguments.language or Publication.language,
        license_name=arguments.license,
        card=arguments.card,
        with_data=not arguments.without_data,
        private=arguments.private,
        message=arguments.message or Publication.message,
    )
    where = publish(arguments.archive_file, arguments.target, how)

    if parse_hub_path(arguments.target) is None:
        print(f"written: {where}")
    else:
        print(f"pushed: {where}")
    if arguments.license is None and arguments.card is None:
        print("no licence: --license names one, such as apache-2.0")
    print(f"predict: allennlp predict {arguments.target} INPUT.jsonl")
