"""Flags that commands on trained models share."""

import argparse


def add_model_options(parser: argparse.ArgumentParser, batch_size: int) -> None:
    """Flags about loading and running a trained model."""
    parser.add_argument("--weights-file", help="other weights than the archive's")
    parser.add_argument("--cuda-device", type=int, default=-1, help="a GPU's number; -1 for the CPU")
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet laid over the archive's config")
    parser.add_argument("--batch-size", type=int, default=batch_size, help="rows encoded together at most")
    parser.add_argument("--file-friendly-logging", action="store_true", help="progress as lines, not bars")
