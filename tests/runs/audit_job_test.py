"""Audits of real corpora, if available; the overlaps were also counted with sets and `in`."""

from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.data.corpora.audit import summarise
from ner_adv_plugin.data.corpora.known_corpora import KNOWN_CORPORA
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.runs.audit_job import audit


def test_weibo(shared: Path) -> None:
    files = {
        split: str(shared / "data" / "weibo" / f"weiboNER_2nd_conll.{split}")
        for split in ("train", "dev")
    }
    reader = {
        "type": "multitask",
        "readers": {"names": "weibo", "words": {"type": "weibo", "task": "segmentation"}},
    }
    found = audit(
        {
            "dataset_reader": reader,
            "train_data_path": {"names": files["train"], "words": files["train"]},
            "validation_data_path": {"names": files["dev"]},
            "model": {"encoder": {"model_name": str(shared / "encoders" / "uer-roberta-L2-H512")}},
        }
    )
    train, dev = found.summaries["names"]["train"], found.summaries["names"]["validation"]
    assert (train.sentences, train.characters, train.known_as) == (
        1350,
        73778,
        "Weibo NER train, second edition",
    )
    assert (dev.sentences, dev.characters, dev.known_as) == (
        270,
        14509,
        "Weibo NER dev, second edition",
    )
    assert found.summaries["words"]["train"].known_as == "words of Weibo NER train, second edition"
    assert train.illegal_transitions == 10 and dev.illegal_transitions == 0
    lines = Path(files["train"]).read_text(encoding="utf-8").split("\n")
    # Every sentence starts at the reported line and has illegal tags.
    for first in train.illegal_sentences:
        assert first == 1 or not lines[first - 2]
        tags = ["O"] + [line.split("\t")[1] for line in lines[first - 1 : lines.index("", first)]]
        assert any(b[0] == "I" and a[1:] != b[1:] for a, b in zip(tags, tags[1:], strict=False))
    # As in docs/explanation/evaluation.md: 42 of the 270 sentences are in the training file, and
    # 48 training sentences contain one.
    pair = next(
        p
        for p in found.overlaps.pairs
        if (p.sentences_of, p.found_in) == ("names.validation", "names.train")
    )
    assert (pair.exact, pair.contained, pair.holders, pair.flagged) == (42, 43, 48, True)
    assert found.overlaps.leaked_sentences == {"names": 48, "words": 48}


@pytest.mark.slow
def test_people_daily_in_msra(shared: Path) -> None:
    data = shared / "data"
    found = audit(
        {
            "dataset_reader": {
                "type": "multitask",
                "readers": {"pd": "people_daily", "msra": "msra"},
            },
            "train_data_path": {"msra": str(data / "msra" / "train.bio")},
            "validation_data_path": {"pd": str(data / "people_daily" / "example.dev")},
            "test_data_path": {"pd": str(data / "people_daily" / "example.test")},
        }
    )
    sentences = {
        f"{name}.{split}": s.sentences
        for name, splits in found.summaries.items()
        for split, s in splits.items()
    }
    assert sentences == {"msra.train": 45000, "pd.validation": 2318, "pd.test": 4636}
    assert all(
        s.known_as in KNOWN_CORPORA.values()
        for splits in found.summaries.values()
        for s in splits.values()
    )
    pairs = {(pair.sentences_of, pair.found_in): pair for pair in found.overlaps.pairs}
    test, dev = pairs["pd.test", "msra.train"], pairs["pd.validation", "msra.train"]
    assert (test.exact, test.normalised, test.contained, test.same_tags) == (2958, 4377, 4628, 2958)
    assert (dev.exact, dev.normalised, dev.contained, dev.same_tags) == (1520, 2190, 2314, 1520)
    assert found.overlaps.leaked_sentences == {"msra": 6920}
    assert not pairs["pd.test", "pd.validation"].flagged


@pytest.mark.parametrize(
    ("file", "reader", "sentences", "name"),
    [
        ("msr/msr_test_gold.utf8", "msr", 3985, "MSR segmentation test (SIGHAN 2005)"),
        ("pku/pku_test_gold.utf8", "sighan_cws", 1944, "PKU segmentation test (SIGHAN 2005)"),
        ("sxu/test_gold.utf8", "sighan_cws", 3654, "SXU segmentation test (SIGHAN 2008)"),
        ("pfr/199801.txt", "pfr", 19484, "entities of PFR People's Daily, January 1998"),
        ("unlabelled/reviews.txt", "unlabelled", 35124, "product reviews without labels"),
    ],
)
def test_public_files_are_named(
    shared: Path, file: str, reader: Any, sentences: int, name: str
) -> None:
    made = construct(DatasetReader, reader)
    made.bind("d")
    summary, _ = summarise(made, "train", str(shared / "data" / file))
    assert (summary.sentences, summary.known_as) == (sentences, name)
