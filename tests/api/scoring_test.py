"""Scores of models on corpora in memory, beside those of `allennlp evaluate`."""

import json
import sys
from pathlib import Path

import pytest

from ner_adv_plugin import Corpus, Predictor, evaluate, load_corpus
from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.commands import main
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data import Instance, Span
from tests.tiny import DATA

TEST = DATA / "weibo" / "weiboNER_2nd_conll.test"


def test_the_scores_are_those_of_the_command(
    tiny_run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = load_corpus(TEST)
    predictor = Predictor.from_path(tiny_run)
    found = evaluate(predictor, corpus)
    assert found == evaluate(load_archive(tiny_run), corpus) == evaluate(tiny_run, TEST)

    monkeypatch.setattr(sys, "path", list(sys.path))
    main(
        [
            "evaluate",
            str(tiny_run),
            str(TEST),
            "-o",
            '{"dataset_reader.readers.weibo.max_instances": null}',
        ]
    )
    expected = json.loads(capsys.readouterr().out)
    assert found == {key.removeprefix("weibo_"): value for key, value in expected.items()}
    assert f"<td>{found['f1']:.4f}</td>" in found._repr_html_()


def test_another_head_and_words(tiny_run: Path) -> None:
    words = Corpus([Instance("魏勇在深圳", [Span(0, 2), Span(2, 3), Span(3, 5)])])
    scores = evaluate(tiny_run, words, head="msr")
    assert {"f1", "oov_recall"} <= scores.keys() and "ece" not in scores
    archive = load_archive(tiny_run, only_heads=["msr"])
    assert evaluate(archive, words, head="msr") == scores
    with pytest.raises(UserError, match='no head "weibo_"|has no head'):
        evaluate(tiny_run, words, head="weibo_")


def test_strict_scores_by_hand(tiny_run: Path) -> None:
    predictor = Predictor.from_path(tiny_run)
    texts = [sentence.text for sentence in load_corpus(TEST)[:40]]
    answers = predictor.predict(texts)
    gold = [
        Instance(
            answer["sentence"],
            [Span(one["start"], one["end"], one["type"]) for one in answer["entities"]],
        )
        for answer in answers
    ]
    assert evaluate(predictor, gold)["f1"] == 1.0
    found = sum(len(one.spans or ()) for one in gold)
    # One entity is missed and another one is of another type.
    gold[0] = Instance(gold[0].text, [*(gold[0].spans or ()), Span(0, 1, "GPE.NAM")])
    assert found and evaluate(predictor, gold)["recall"] == found / (found + 1)


def test_unlabelled_sentences_are_not_scored(
    tiny_run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gold = Instance("魏勇在深圳", [Span(0, 2, "PER.NAM")])
    alone = evaluate(tiny_run, [gold])
    assert evaluate(tiny_run, [gold, Instance("无")]) == alone
    assert "1 unlabelled sentences are not scored" in caplog.text
    with pytest.raises(UserError, match="no labels in 1 sentences"):
        evaluate(tiny_run, [Instance("无")])
    with pytest.raises(UserError, match='no entity is of a type that head "weibo" knows'):
        evaluate(tiny_run, [Instance("王明", [Span(0, 2, "人")])])
