"""`allennlp join-types`."""

import argparse

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.common.params import load_config, parse_overrides


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the corpora, the target, and when types are joined."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="Jsonnet config with readers and paths; or annotated files, the target first",
    )
    parser.add_argument(
        "--target",
        metavar="DATASET",
        help="dataset whose types the head has; by default the one that is validated",
    )
    parser.add_argument(
        "--merge",
        action="store_true",
        help="merge types of the target that another dataset does not tell apart",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        help="similarity of descriptions from which types are joined, 0 to 1 (0.5)",
    )
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet that overrides the config")


def run(arguments: argparse.Namespace) -> None:
    """Print which types of the datasets are those of the target, and the keys of their readers."""
    from ner_adv_plugin.data.joining import THRESHOLD, join_types, jsonnet, table
    from ner_adv_plugin.runs.joining import config_of_files, target_among, types_of

    log_to()
    threshold = THRESHOLD if arguments.threshold is None else arguments.threshold
    if not 0 <= threshold <= 1:
        raise UserError(f"--threshold: expected 0 to 1, found {threshold:g}")

    target = arguments.target
    if len(arguments.inputs) == 1:
        config = load_config(arguments.inputs[0], arguments.overrides)
    else:
        config = config_of_files(arguments.inputs)
        target = target or next(iter(config["train_data_path"]))
        config = with_overrides(config, parse_overrides(arguments.overrides))
    types = types_of(config)
    target = target_among(types, config, target)
    sources = [own for name, own in types.items() if name != target]
    joined = join_types(types[target], sources, threshold, arguments.merge)

    shown = f"{table(joined)}\n\n{jsonnet(joined, types[target].head or target)}"
    # A type may hold half of a surrogate pair, which cannot be printed.
    print(shown.encode("utf-8", "backslashreplace").decode("utf-8"))
