"""The reader `annotations` in training: fixtures, folders that a run records, names on the hub."""

import json
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest

from ner_adv_plugin.common.digests import file_digest
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.data.formats import AnnotationsReader, CorpusFile, CorpusFormat
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading import DatasetReader, MsraReader, SpanJsonReader, WeiboReader
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.testing import MultiTaskModelTestCase
from tests.tiny import ROOT, single_task_config

DATA = ROOT / "fixtures" / "data"


@pytest.mark.parametrize(
    ("path", "reader"),
    [
        ("msra/train.bio", MsraReader()),
        ("weibo/weiboNER_2nd_conll.train", WeiboReader()),
        ("cluener/train.json", SpanJsonReader()),
    ],
)
def test_reads_the_same_as_the_reader_of_the_corpus(path: str, reader: DatasetReader) -> None:
    annotations = AnnotationsReader()
    file = str(DATA / path)
    assert annotations.read(file) == reader.read(file)
    assert annotations.repaired[file] == reader.repaired.get(file, 0)
    assert annotations.illegal_sentences[file] == reader.illegal_sentences.get(file, {})


class TestAnnotations(MultiTaskModelTestCase):
    def test_trains_saves_and_loads(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NER_DATA", raising=False)
        self.set_up_model(root / "fixtures/configs/annotations.jsonnet")
        types = self.model.vocab.label_space("weibo").types
        assert "PER" in types and not set(types) & {"PER.NAM", "PER.NOM"}
        self.ensure_model_can_train_save_and_load()
        self.ensure_batch_predictions_are_consistent()


def test_a_run_records_the_content_of_a_folder(tmp_path: Path) -> None:
    config = single_task_config(trainer__num_epochs=1, evaluate_on_test=False)
    sentences = list(MsraReader(max_instances=12).read(DATA / "msra" / "train.bio"))
    folder = tmp_path / "brat"
    folder.mkdir()
    CorpusFormat.from_params("brat").write(sentences, folder)
    config["dataset_reader"] = {"type": "annotations", "format": "brat"}
    for key in ("test_data_path", "validation_data_path"):
        config.pop(key, None)
    for key in ("validation_metric", "patience"):
        config["trainer"].pop(key, None)
    config["train_data_path"] = str(folder)
    train_model(config, tmp_path / "run")

    recorded = json.loads((tmp_path / "run" / "data.json").read_text())
    assert [entry["sha256"] for entry in recorded.values()] == [file_digest(folder)]
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    assert file_digest(copy) == file_digest(folder)
    config["train_data_path"] = str(copy)
    config["trainer"]["num_epochs"] = 2
    train_model(config, tmp_path / "run", recover=True)

    (copy / "01.ann").write_text("")
    config["trainer"]["num_epochs"] = 3
    with pytest.raises(ConfigurationError, match="train_data_path"):
        train_model(config, tmp_path / "run", recover=True)


def test_a_data_set_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    corpus = tmp_path / "org" / "name"
    corpus.mkdir(parents=True)
    corpus_format = CorpusFormat.from_params("huggingface")
    sentences = [Instance("王明在北京", [Span(0, 2, "PER"), Span(3, 5, "LOC")])]
    corpus_format.write(sentences, corpus / "train.jsonl")
    monkeypatch.chdir(tmp_path)
    # The library takes a folder for a name on the hub.
    (found,) = corpus_format.read(CorpusFile("datasets://org/name?split=train"))
    assert (found.text, found.spans) == (sentences[0].text, sentences[0].spans)

    for query, message in (
        ("", "expected datasets://NAME"),
        ("?split=train&size=3", "expected datasets://NAME"),
        (f"?split={quote('tra in')}", "cannot load datasets://"),
    ):
        with pytest.raises(UserError, match=message):
            list(corpus_format.read(CorpusFile(f"datasets://org/name{query}")))
