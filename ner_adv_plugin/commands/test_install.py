"""`allennlp test-install`."""

import argparse
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import UserError

PACKAGE = "ner_adv_plugin"
# Somebody is somewhere: two characters of a name, two of a place.
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
    """No flags."""


def run(arguments: argparse.Namespace) -> None:
    """Check that all is there that the package needs, and that it trains and predicts."""
    _check_packages()
    from ner_adv_plugin.commands.plugins import import_components

    import_components([])
    _print_devices()
    with tempfile.TemporaryDirectory(prefix="ner_adv_plugin-") as folder:
        _train_and_predict(Path(folder))
    print("a model trained, and tags from its archive: works")


def _check_packages() -> None:
    """Print versions; `UserError` where something is missing or too old."""
    from packaging.requirements import Requirement

    try:
        requirements = [Requirement(text) for text in metadata.requires(PACKAGE) or []]
    except metadata.PackageNotFoundError as error:
        raise UserError(f"{PACKAGE} is not installed: pip install it, from its folder") from error
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
        raise UserError(f"not installed as needed: {', '.join(wrong)}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _print_devices() -> None:
    import torch

    cuda = torch.cuda.is_available()
    print(
        f"CUDA: {torch.cuda.get_device_name() if cuda else 'none'}; threads: {torch.get_num_threads()}"
    )


def _train_and_predict(folder: Path) -> None:
    """Train a tiny tagger for an epoch, and tag a sentence with its archive."""
    from ner_adv_plugin.inference import Predictor
    from ner_adv_plugin.runs.train_job import train_model

    train_model(_config(folder), folder / "run")
    predictor = Predictor.from_path(folder / "run" / "model.tar.gz")
    answer = predictor.predict_json({"sentence": SENTENCES[0]})
    if len(answer["tags"]) != len(SENTENCES[0]):
        raise UserError(f"expected a tag for each character, found {answer}")


def _config(folder: Path) -> dict[str, Any]:
    """Write corpora, and the config of a run on them."""
    for name, sentences in (("train", SENTENCES[1:]), ("validation", SENTENCES[:1])):
        sentences = [
            "".join(f"{c} {tag}\n" for c, tag in zip(text, TAGS, strict=True)) for text in sentences
        ]
        (folder / f"{name}.txt").write_text("\n".join(sentences), encoding="utf-8")
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
