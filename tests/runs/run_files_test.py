"""The files that a run reads: a change of any of them is another run."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.data.formats import AnnotationsReader
from ner_adv_plugin.data.formats.brat import BratFormat
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.resuming import data_digests
from ner_adv_plugin.runs.run_files import file_digests, files_of
from tests.tiny import ROOT, single_task_config, tiny_config


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


TEXT, ANNOTATIONS = "魏勇在深圳工作。", "T1\tPER 0 2\t魏勇\n"
COLUMNS = {"tokens": list("魏勇在深圳"), "ner_tags": [1, 2, 0, 0, 0]}
INFO = {"features": {"ner_tags": {"feature": {"names": ["O", "B-PER", "I-PER"]}}}}


@pytest.mark.parametrize(
    ("path", "beside", "format"),
    [
        ("a.txt", "a.ann", "brat"),
        ("a.ann", "a.txt", "auto"),
        ("a.json", "dataset_info.json", "auto"),
    ],
)
def test_files_that_are_read_beside_a_corpus_count(
    path: str, beside: str, format: str, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "a.ann").write_text(ANNOTATIONS, encoding="utf-8")
    (tmp_path / "a.json").write_text(json.dumps(COLUMNS), encoding="utf-8")
    (tmp_path / "dataset_info.json").write_text(json.dumps(INFO), encoding="utf-8")
    reader = {"type": "annotations", "format": format, "head": "weibo"}
    corpus = {"reader": reader, "path": str(tmp_path / path)}
    as_list = {
        "type": "lexicon",
        "encoder": {"type": "character_embedding", "embedding_dim": 24},
        "words": [{"type": "corpus", **corpus}],
    }
    as_data = single_task_config(dataset_reader=reader, train_data_path=corpus["path"])
    for config in (as_data, tiny_config(model__encoder=as_list)):
        job = checked_job(config)
        before, kept = file_digests(job), data_digests(job)
        content = (tmp_path / beside).read_bytes()
        (tmp_path / beside).write_bytes(content + b"\n")
        changed, now = file_digests(job), data_digests(job)
        (tmp_path / beside).write_bytes(content)
        assert {name for name in before if before[name] != changed[name]} == {
            str(tmp_path / beside)
        }
        assert sum(kept[key] != now[key] for key in kept) == 1

    (tmp_path / beside).unlink()
    (tmp_path / "a").mkdir()
    reads = AnnotationsReader(format=BratFormat())
    assert not reads.files_beside(str(tmp_path / "a")) and not reads.files_beside("hf://a/b/a.txt")


def test_a_local_encoder_counts_alone_and_within_another(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "fixtures/encoder", tmp_path / "encoder")
    alone = {"type": "pretrained_transformer", "model_name": str(tmp_path / "encoder")}
    words = [str(ROOT / "fixtures/data/lexicon/words.txt")]
    within = {"type": "lexicon", "encoder": alone, "words": words}
    jobs = [checked_job(tiny_config(model__encoder=own)) for own in (alone, within)]
    before = [file_digests(job) for job in jobs]

    (tmp_path / "encoder/vocab.txt").write_text("[PAD]\n[UNK]\n", "utf-8")
    assert all(file_digests(job) != own for job, own in zip(jobs, before, strict=True))


def test_the_default_vocabulary_reads_no_file() -> None:
    config = {**tiny_config(), "vocabulary": {"type": "from_instances"}}
    assert not any(key.startswith("vocabulary") for key in files_of(checked_job(config)))
    assert Vocabulary.files_read({}) == {}
