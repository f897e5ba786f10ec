"""`allennlp test-install`."""

import argparse
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import UserError

PACKAGE = "ner_adv_plugin"
# Somebody is somewhere: a person's name of two characters, and a location of two characters.
SENTENCES = [
    "王芳在北京上学",
    "李强去上海开会",
    "张敏到广州旅行",
    "刘洋在成都工作",
    "陈静去杭州看海",
    "赵磊到西安访友",
]
TAGS = ["B-PER", "I-PER", "O", "B-LOC", "I-LOC", "O", "O"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add no arguments."""


def run(arguments: argparse.Namespace) -> None:
    """Check the installed packages, then train a tiny model and predict with it."""
    _check_packages()
    # Imported only now, as it fails if a package is missing.
    from ner_adv_plugin.commands.plugins import import_components

    import_components([])
    _print_devices()
    with tempfile.TemporaryDirectory(prefix="ner_adv_plugin-") as folder:
        _train_and_predict(Path(folder))
    print("training and prediction work")


def _check_packages() -> None:
    """Print the versions of all packages; `UserError` if one is missing or too old."""
    from packaging.requirements import Requirement

    try:
        requirements = [Requirement(text) for text in metadata.requires(PACKAGE) or []]
    except metadata.PackageNotFoundError as error:
        raise UserError(f"{PACKAGE} is not installed: run `pip install .` in its folder") from error

    print(f"{PACKAGE} {metadata.version(PACKAGE)}")
    wrong = []
    for requirement in requirements:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = _version(requirement.name)
        print(f"{requirement.name} {version or 'missing'}")
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            wrong.append(str(requirement))

    if wrong:
        raise UserError(f"missing or too old: {', '.join(wrong)}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _print_devices() -> None:
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    print(f"CUDA: {device}; threads: {torch.get_num_threads()}")


def _train_and_predict(folder: Path) -> None:
    """Train a tiny tagger for one epoch and tag a sentence with its archive."""
    from ner_adv_plugin.inference import Predictor
    from ner_adv_plugin.runs.train_job import train_model

    train_model(_config(folder), folder / "run")
    predictor = Predictor.from_path(folder / "run" / "model.tar.gz")
    answer = predictor.predict_json({"sentence": SENTENCES[0]})
    if len(answer["tags"]) != len(SENTENCES[0]):
        raise UserError(f"expected one tag per character, found {answer}")


def _config(folder: Path) -> dict[str, Any]:
    """Write corpora to a folder and return a config that trains on them."""
    for name, sentences in (("train", SENTENCES[1:]), ("validation", SENTENCES[:1])):
        blocks = []
        for sentence in sentences:
            pairs = zip(sentence, TAGS, strict=True)
            blocks.append("".join(f"{character} {tag}\n" for character, tag in pairs))
        (folder / f"{name}.txt").write_text("\n".join(blocks), encoding="utf-8")

    return {
        "dataset_reader": {"type": "conll", "head": "names"},
        "train_data_path": str(folder / "train.txt"),
        "validation_data_path": str(folder / "validation.txt"),
        "model": {
            "type": "crf_tagger",
            "encoder": {"type": "character_embedding", "embedding_dim": 8},
            "tower": {"type": "lstm", "hidden_size": 8, "bidirectional": True},
        },
        "data_loader": {"batch_size": 2},
        "trainer": {"num_epochs": 1, "validation_metric": "+names_f1"},
    }
