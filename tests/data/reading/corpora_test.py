"""Readers on the real corpora, if available, and on the fixtures as configured in the recipes."""

import json
from pathlib import Path

import _jsonnet
import pytest

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.testing import MultiTaskModelTestCase

CORPORA = Path(__file__).parents[4] / "shared" / "data"


@pytest.mark.parametrize(
    ("reader", "file", "num_sentences", "num_spans", "num_repaired"),
    [
        ("msra", "msra/train.bio", 45000, None, 0),
        ("msra", "msra/test.bio", 3442, 6190, 0),
        ("conll", "msra/test.bio", 3442, 6190, 0),
        ("people_daily", "people_daily/example.dev", 2318, None, 0),
        ("people_daily", "people_daily/example.test", 4636, None, 0),
        ("people_daily", "people_daily/surrogate.train", 20864, None, 0),
        ("weibo", "weibo/weiboNER_2nd_conll.train", 1350, 1895, 10),
        ("weibo", "weibo/weiboNER_2nd_conll.dev", 270, 389, 0),
        ("msr", "msr/msr_test_gold.utf8", 3985, 106873, None),
        ("sighan_cws", "pku/pku_test_gold.utf8", 1944, 104372, None),
        ("sighan_cws", "sxu/train.utf8", 17115, None, None),
        ("pfr", "pfr/199801.txt", 19484, 51547, None),
        ("unlabelled", "unlabelled/reviews.txt", 35124, None, None),
    ],
)
def test_corpus(
    reader: str, file: str, num_sentences: int, num_spans: int | None, num_repaired: int | None
) -> None:
    path = CORPORA / file
    if not path.is_file():
        pytest.skip(f"the corpus {file} is not available")
    dataset_reader = DatasetReader.by_name(reader)()
    sentences = dataset_reader.read(path)
    assert len(sentences) == num_sentences
    assert dataset_reader.repaired.get(str(path)) == num_repaired
    assert {sentence.spans is None for sentence in sentences} == {reader == "unlabelled"}
    if num_spans is not None:
        assert sum(len(sentence.spans or []) for sentence in sentences) == num_spans


def test_longest_msra_sentence_is_whole() -> None:
    path = CORPORA / "msra/test.bio"
    if not path.is_file():
        pytest.skip("the corpus msra/test.bio is not available")
    assert max(len(sentence) for sentence in DatasetReader.by_name("msra")().read(path)) == 2427


def test_corpora_of_the_recipes(root: Path, fixture_data: Path) -> None:
    variables = {"NER_DATA": str(fixture_data)}
    library = root / "training_configs" / "lib" / "corpora.libsonnet"
    corpora = json.loads(_jsonnet.evaluate_file(str(library), ext_vars=variables))
    assert {"weibo", "weibo_cws", "pfr_ner", "pfr_cws", "cluener", "pku"} <= set(corpora)
    tasks = {}
    for name, corpus in corpora.items():
        reader = construct(DatasetReader, corpus["reader"], name)
        tasks[name] = reader.task
        for split in {"train", "validation", "test"} & set(corpus):
            labelled = {sentence.spans is not None for sentence in reader.read(corpus[split])}
            assert labelled == {name != "reviews"}, (name, split)
    words = {name for name, task in tasks.items() if task == "segmentation"}
    assert words == {"weibo_cws", "pfr_cws", "msr", "sxu", "pku"}


class TestReaders(MultiTaskModelTestCase):
    def test_trains_saves_and_loads(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NER_DATA", raising=False)
        self.set_up_model(root / "fixtures/configs/readers.jsonnet")
        labels = {head: self.model.vocab.label_space(head) for head in self.model.vocab.heads}
        types = set(labels["weibo"].types)
        assert "PER" in types and not types & {"PER.NAM", "PER.NOM", "GPE.NAM"}
        assert labels["weibo_words"].segmentation and labels["weibo_words"].types == ("",)
        schemes = {head: self.model.scheme(head) for head in labels}
        assert {head: scheme and scheme.name for head, scheme in schemes.items()} == {
            "weibo": "BIOES",
            "weibo_words": "BMES",
            "pfr": "BIO",
            "cluener": "BIO",
        }
        # One head for the words of two corpora, whose entities are read, too.
        assert set(labels) == {"weibo", "weibo_words", "pfr", "cluener"}
        self.ensure_model_can_train_save_and_load()
        self.ensure_batch_predictions_are_consistent()
