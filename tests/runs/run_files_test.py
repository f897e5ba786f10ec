"""The files that a run reads: a change of any of them is another run."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.resuming import data_digests
from ner_adv_plugin.runs.run_files import file_digests, files_of
from tests.tiny import ROOT, tiny_config


@pytest.fixture
def folder(tiny_run: Path, tmp_path: Path) -> Path:
    """A folder with copies of all that `config_of` names."""
    data = ROOT / "fixtures/data"
    for file in ("weibo/weiboNER_2nd_conll.train", "sxu/train.utf8"):
        shutil.copy(data / file, tmp_path)
    for file in ("words.txt", "types.txt"):
        shutil.copy(data / "lexicon" / file, tmp_path)
    shutil.copy(tiny_run / "model.tar.gz", tmp_path / "teacher.tar.gz")
    shutil.copy(tiny_run / "best.th", tmp_path / "weights.th")
    shutil.copytree(tiny_run / "vocabulary", tmp_path / "vocabulary")
    return tmp_path


def config_of(folder: Path) -> dict[str, Any]:
    """A config that reads files in every way."""
    corpus = {"type": "corpus", "reader": "sighan_cws", "path": str(folder / "train.utf8")}
    encoder = {
        "type": "lexicon",
        "encoder": {"type": "character_embedding", "embedding_dim": 24},
        "words": [str(folder / "words.txt"), corpus],
        "gazetteers": [str(folder / "types.txt")],
    }
    teachers = [str(folder / "teacher.tar.gz")]
    weights = {"type": "pretrained", "weights_file_path": str(folder / "weights.th")}
    config = tiny_config(
        train_data_path__weibo=str(folder / "weiboNER_2nd_conll.train"),
        model__encoder=encoder,
        model__objectives=[{"type": "distillation", "head": "weibo", "teachers": teachers}],
    )
    vocabulary = {"type": "from_files", "directory": str(folder / "vocabulary")}
    return {**config, "vocabulary": vocabulary, "initializer": {"regexes": [["^towers", weights]]}}


def test_every_file_that_a_config_names_counts(folder: Path) -> None:
    job = checked_job(config_of(folder))
    below = {path for path in files_of(job).values() if Path(path).is_relative_to(folder)}
    assert below == {str(path) for path in folder.iterdir()}

    before, kept = file_digests(job), data_digests(job)
    for path in sorted(below):
        file = Path(path) if Path(path).is_file() else Path(path) / "weibo_types.txt"
        content = file.read_bytes()
        file.write_bytes(content + b" ")
        changed = file_digests(job)
        assert {name for name in before if before[name] != changed[name]} == {path}
        now = data_digests(job)
        assert {kept[key]["file"] for key in kept if kept[key] != now[key]} == {path}
        file.write_bytes(content)


def test_the_default_vocabulary_reads_no_file() -> None:
    config = {**tiny_config(), "vocabulary": {"type": "from_instances"}}
    assert not any(key.startswith("vocabulary") for key in files_of(checked_job(config)))
    assert Vocabulary.files_read({}) == {}
