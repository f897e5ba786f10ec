"""`allennlp export`."""

import argparse
from pathlib import Path

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.exporting import check_folder, export_archive

FORMATS = ("onnx",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the archive, the folder to write, and what to write."""
    parser.add_argument("archive_file", help="model.tar.gz, or the folder of a run")
    parser.add_argument("output", type=Path, help="folder to write; whole or not at all")
    parser.add_argument("--format", choices=FORMATS, default="onnx", help="format (onnx)")
    parser.add_argument(
        "--quantize",
        choices=("int8",),
        help="write weights as 8-bit integers: a quarter of the size, faster, less exact",
    )
    parser.add_argument("--head", help="head that predicts; by default that of validation_metric")
    parser.add_argument(
        "-o", "--overrides", default="", help="Jsonnet that overrides the archive's config"
    )
    parser.add_argument("-f", "--force", action="store_true", help="replace an earlier export")


def run(arguments: argparse.Namespace) -> None:
    """Export one head, and print the files with their sizes."""
    log_to()
    check_folder(arguments.output, arguments.force)
    head = arguments.head
    archive = load_archive(
        arguments.archive_file,
        overrides=arguments.overrides,
        only_heads=[head] if head else [],
    )
    settings = export_archive(
        archive,
        arguments.output,
        head,
        precision=arguments.quantize or "fp32",
        force=arguments.force,
    )

    files = [path for path in arguments.output.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    print(f"{arguments.output}: head {settings.head}, {settings.precision}, {size:.1f} MB")
