"""Selection of sentences for annotation, compared with sorting and a naive greedy search."""

import copy
import json
from collections import Counter
from math import sqrt
from pathlib import Path

import pytest
import torch

from ner_adv_plugin.archives import Archive, load_archive
from ner_adv_plugin.common.errors import ConfigurationError, DataError, UserError
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading import SpanJsonReader
from ner_adv_plugin.inference import selection
from ner_adv_plugin.inference.ranking import rank_readings
from ner_adv_plugin.inference.selection import Selector, read_texts

TEXTS = [f"第{i}天" + "魏勇在深圳" * (i % 4) + "abcdefgh"[i % 8 :] for i in range(40)] + [
    "第3天",
    "第3天",
]
NUMBERED = list(enumerate(TEXTS, 1))


@pytest.fixture(scope="module")
def archive(tiny_run: Path) -> Archive:
    return load_archive(tiny_run)


def measured(archive: Archive, strategy: str) -> list[float]:
    """Return the usefulness of each text, tagged by itself."""
    tagger = Selector(archive, strategy, 1).tagger
    useful = []
    for text in TEXTS:
        sentences = tagger.encoded([tagger.json_to_instance({"sentence": text})])
        ranked = rank_readings(archive.model, sentences, "weibo", 2, entropy=True)
        assert ranked.entropy_R is not None
        values = {
            "margin": 1 - ranked.margin()[0],
            "ratio": 1 - ranked.ratio()[0],
            "entropy": ranked.entropy_R[0],
        }
        useful.append(float(values[strategy]))
    return useful


@pytest.mark.parametrize("strategy", ["margin", "ratio", "entropy"])
@pytest.mark.parametrize("chunk", [5, 4096])
def test_the_most_useful_sentences_come_first(
    archive: Archive, strategy: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "CHUNK", chunk)
    useful = measured(archive, strategy)
    chosen = Selector(archive, strategy, 7, batch_size=3).select(NUMBERED)
    assert len({sentence.text for sentence in chosen}) == 7
    assert [sentence.usefulness for sentence in chosen] == pytest.approx(
        sorted(
            {text: value for text, value in zip(TEXTS, useful, strict=True)}.values(), reverse=True
        )[:7],
        abs=1e-5,
    )
    for sentence in chosen:
        assert TEXTS[-sentence.minus_line - 1] == sentence.text
        value = sentence.measure[strategy]
        assert sentence.usefulness == pytest.approx(value if strategy == "entropy" else 1 - value)


def cosine(one: str, other: str) -> float:
    left, right = (Counter(zip("\n" + text, text + "\n", strict=True)) for text in (one, other))
    norms = (sqrt(sum(n * n for n in counts.values())) for counts in (left, right))
    return sum(left[pair] * right[pair] for pair in left) / (next(norms) * next(norms))


def test_diverse_is_maximal_marginal_relevance(archive: Archive) -> None:
    pool = Selector(archive, "margin", len(set(TEXTS))).select(NUMBERED)
    expected: list[str] = []
    for _ in range(8):
        relevance = {
            sentence.text: sentence.usefulness
            - max([cosine(sentence.text, text) for text in expected], default=0.0)
            for sentence in pool
            if sentence.text not in expected
        }
        expected.append(max(relevance, key=lambda text: relevance[text]))
    chosen = [sentence.text for sentence in Selector(archive, "diverse", 8).select(NUMBERED)]
    assert chosen == expected
    assert chosen[0] == pool[0].text and chosen != [sentence.text for sentence in pool[:8]]


def test_diverse_selects_from_the_pool_of_least_margin(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "POOL", 2)
    pool = {sentence.text for sentence in Selector(archive, "margin", 6).select(NUMBERED)}
    assert {sentence.text for sentence in Selector(archive, "diverse", 3).select(NUMBERED)} <= pool


def test_output_can_be_read_as_a_corpus(archive: Archive, tmp_path: Path) -> None:
    bold = copy.deepcopy(archive)
    # After so little training, the model would predict O nearly everywhere.
    with torch.no_grad():
        bold.model.get_parameter("heads.weibo.projection.bias")[0] -= 3
    selector = Selector(bold, "margin", 30)
    chosen = selector.select(NUMBERED)
    lines = "".join(json.dumps(sentence.to_json()) + "\n" for sentence in chosen)
    (tmp_path / "chosen.json").write_text(lines, encoding="utf-8")
    sentences = SpanJsonReader().read(tmp_path / "chosen.json")
    answers = selector.tagger.predict_batch_json(
        [{"sentence": sentence.text} for sentence in chosen]
    )
    assert [sentence.text for sentence in sentences] == [sentence.text for sentence in chosen]
    predicted = [
        [Span(e["start"], e["end"], e["type"]) for e in answer["entities"]] for answer in answers
    ]
    assert [sentence.spans for sentence in sentences] == predicted
    assert any(predicted)


def test_fewer_sentences_than_requested(archive: Archive, caplog: pytest.LogCaptureFixture) -> None:
    chosen = Selector(archive, "diverse", 5).select([(1, "深圳"), (2, "深圳"), (9, "魏勇")])
    assert sorted(sentence.text for sentence in chosen) == ["深圳", "魏勇"]
    assert {sentence.text: -sentence.minus_line for sentence in chosen} == {"深圳": 1, "魏勇": 9}
    assert "5 sentences requested, but only 2 distinct ones found" in caplog.text
    assert Selector(archive, "margin", 5).select([]) == []


def test_wrong_settings(archive: Archive) -> None:
    with pytest.raises(ConfigurationError, match="count: expected 1 or more, found 0"):
        Selector(archive, "margin", 0)
    with pytest.raises(UserError, match='head "msr" segments words'):
        Selector(archive, "margin", 1, head="msr")


def test_lines_are_read_lazily(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes("\ufeff一\r\n\n  \n二\u2028三 \nlast".encode() + b"\n\xff\n")
    texts = read_texts(path)
    assert [next(texts) for _ in range(3)] == [(1, "一"), (4, "二\u2028三 "), (5, "last")]
    with pytest.raises(DataError, match="text.txt:6: found b'.xff', expected UTF-8 text"):
        next(texts)
    with pytest.raises(DataError, match="no such file"):
        next(read_texts(tmp_path / "missing.txt"))
