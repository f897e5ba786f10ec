"""Tagging heads: custom heads and tag schemes."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.data.labels.spans import Span, SpanTable
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.inference.predictor import Predictor
from ner_adv_plugin.modules.heads import Head, TaggingHead
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import evaluator_of, read_data
from ner_adv_plugin.runs.train_job import train_model
from tests.models.building import build_model
from tests.modules.examples import random_spans, tags_of, vocabulary
from tests.modules.heads.building import VOCAB, batch_with, dataset_of, head_of, states_of
from tests.tiny import single_task_config

SCHEMES = [("weibo", name) for name in ("BIO", "BIOES", "BMES", "BILOU", "IOB1")]
SCHEMES += [("msr", name) for name in ("BIO", "BIOES", "BMES", "BILOU")]
LENGTHS = [9, 5, 4, 1]


@Head.register("test_smoothed")
class Smoothed(TaggingHead):
    """Custom head with only a loss and a decoder."""

    def negative_log_likelihood(
        self, emissions_BLT: Tensor, tags_BL: Tensor, mask_BL: Tensor
    ) -> Tensor:
        nll_BL = cross_entropy(
            emissions_BLT.transpose(1, 2), tags_BL, reduction="none", label_smoothing=0.1
        )
        return nll_BL.masked_fill(~mask_BL, 0.0).sum(1)

    def decode(self, emissions_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        return emissions_BLT.argmax(-1).masked_fill(~mask_BL, 0)


def random_sentences(task: str, seed: int) -> list[tuple[int, list[Span]]]:
    rng = random.Random(seed)
    return [(length, random_spans(VOCAB, task, length, rng)) for length in LENGTHS]


def test_custom_head_trains_predicts_and_evaluates(tmp_path: Path) -> None:
    config = single_task_config(model__head={"type": "test_smoothed"}, trainer__num_epochs=20)
    metrics = train_model(config, tmp_path / "run")
    assert metrics["best_validation_weibo_f1"] > 0 and metrics["test_weibo_loss"] > 0

    archive = load_archive(tmp_path / "run" / "model.tar.gz")
    answers = Predictor.from_path(tmp_path / "run" / "model.tar.gz").predict_batch_json(
        [{"sentence": "我在北京看见了张三"}, {"sentence": "哈"}]
    )
    assert [len(answer["tags"]) for answer in answers] == [9, 1]
    assert all(0 < entity["score"] <= 1 for answer in answers for entity in answer["entities"])

    job = checked_job(config)
    again = evaluator_of(job, archive.model, read_data(job), "test").evaluate(archive.model)
    assert {f"test_{name}": value for name, value in again.items()} == pytest.approx(
        {name: value for name, value in metrics.items() if name.removeprefix("test_") in again},
        nan_ok=True,
    )

    message = r'head "weibo" \(Smoothed\) does not rank readings, .*"biaffine", "crf"'
    with pytest.raises(UserError, match=message):
        Predictor.from_params({"type": "tagger", "n_best": 2}, archive=archive)


def test_custom_head_does_not_rank() -> None:
    head = head_of("test_smoothed")
    batch = batch_with(head, random_sentences("weibo", 0))
    with pytest.raises(UserError, match=r'head "weibo" \(Smoothed\) does not rank readings'):
        head.rank(head(states_of(batch), batch), batch, 2)


def test_scores_of_a_custom_head_treat_characters_as_independent() -> None:
    head = head_of("test_smoothed")
    batch = batch_with(head, random_sentences("weibo", 0))
    output = 2 * states_of(batch)
    p_BLT = output.detach().softmax(-1)
    found = head.decode_spans(output, batch)
    assert any(found)
    for i, spans in enumerate(found):
        for start, end, name, score in spans:
            begin, inside = (head.labels.index(f"{letter}-{name}") for letter in "BI")
            expected = p_BLT[i, start, begin] * p_BLT[i, start + 1 : end, inside].prod()
            if end < batch.lengths[i]:
                expected = expected * (1 - p_BLT[i, end, inside])
            assert score == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("method", ["negative_log_likelihood", "decode", "marginal"])
def test_methods_that_a_custom_head_must_override(method: str) -> None:
    head = TaggingHead(VOCAB.label_space("weibo"), 3)
    arguments = [torch.zeros(1, 2, 5)] * (2 if method == "decode" else 3)
    with pytest.raises(NotImplementedError):
        getattr(head, method)(*arguments)


@pytest.mark.parametrize(("task", "name"), SCHEMES)
def test_targets_are_tags_of_the_scheme(task: str, name: str) -> None:
    head = head_of("softmax", task, scheme=name)
    scheme = get_scheme(name, task == "msr")
    assert head.scheme == scheme and head.labels == scheme.labels(VOCAB.label_space(task).types)
    assert head.projection.out_features == len(head.labels)
    for seed in range(5):
        sentences = random_sentences(task, seed)
        tags_BL = batch_with(head, sentences).targets["tags"]
        for sentence, (length, spans) in enumerate(sentences):
            assert [head.labels[tag] for tag in tags_BL[sentence, :length].tolist()] == scheme.tags(
                spans, length
            )
            assert not tags_BL[sentence, length:].any()


@pytest.mark.parametrize(("task", "name"), SCHEMES)
@pytest.mark.parametrize("head_type", ["crf", "pytorch_crf", "softmax", "test_smoothed"])
def test_gold_with_high_scores_is_decoded(head_type: str, task: str, name: str) -> None:
    head = head_of(head_type, task, scheme=name)
    sentences = random_sentences(task, 3)
    batch = batch_with(head, sentences)
    output = 40.0 * one_hot(batch.targets["tags"], len(head.labels))
    found = head.decode_spans(output, batch)
    assert [[span.span for span in own] for own in found] == [
        sorted(spans) for _, spans in sentences
    ]
    assert [span.score for own in found for span in own] == pytest.approx(
        [1.0] * sum(map(len, found))
    )
    assert (head.loss(output, batch) < 1e-3).all() or head_type == "test_smoothed"


@pytest.mark.parametrize("name", ["BIO", "BIOES", "IOB1"])
def test_entities_are_decoded_strictly_and_words_tile(name: str) -> None:
    """Without constraints, entities that do not begin or end as the scheme requires are dropped."""
    head = head_of("softmax", scheme=name)
    batch = batch_with(head, [(5, [])])
    tags = {
        "BIO": "O I-PER B-PER I-LOC O",
        "BIOES": "B-PER I-PER O S-LOC E-LOC",
        "IOB1": "B-PER O I-PER B-PER O",
    }
    output = 9.0 * one_hot(
        torch.tensor([[head.labels.index(tag) for tag in tags[name].split()]]), len(head.labels)
    )
    expected = {"BIO": [(2, 3)], "BIOES": [(3, 4)], "IOB1": [(2, 3), (3, 4)]}
    assert [span[:2] for span in head.decode_spans(output, batch)[0]] == expected[name]

    words = head_of("softmax", "msr")
    tags_1L = torch.tensor([[words.labels.index(tag) for tag in "EMBBS"]])
    (spans,) = words.decode_spans(9.0 * one_hot(tags_1L, 4), batch_with(words, [(5, [Span(0, 5)])]))
    assert [span[:2] for span in spans] == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]


def test_decoding_without_scores() -> None:
    head = head_of("crf", "msr")
    batch = batch_with(head, random_sentences("msr", 0))
    output = head(states_of(batch), batch)
    scored, bare = head.decode_spans(output, batch), head.decode_spans(output, batch, scored=False)
    assert [[span.span for span in own] for own in scored] == [
        [span.span for span in own] for own in bare
    ]
    assert all(span.score != span.score for own in bare for span in own)


@pytest.mark.parametrize("head_type", ["crf", "pytorch_crf", "softmax"])
def test_temperature_lowers_scores_and_keeps_spans(head_type: str) -> None:
    head = head_of(head_type)
    batch = batch_with(head, random_sentences("weibo", 1))
    output = 3 * states_of(batch)
    before, ranked = head.decode_spans(output, batch), head.rank(output, batch, 3, entropy=True)
    table = SpanTable.of(before, VOCAB.label_space("weibo").types)
    asked = head.span_probabilities(output, batch, table, temperature=4.0)
    head.temperature.fill_(4.0)
    after, flat = head.decode_spans(output, batch), head.rank(output, batch, 3, entropy=True)
    assert [[span.span for span in own] for own in after] == [
        [span.span for span in own] for own in before
    ]
    assert [span.score for own in after for span in own] == pytest.approx(asked.tolist())
    assert (flat.entropy_B > ranked.entropy_B).all() and (
        flat.probabilities_BN < ranked.probabilities_BN
    )[:, 0].all()


def test_unknown_types_are_ignored_in_targets() -> None:
    head = head_of("crf")
    known = [Span(0, 2, "PER"), Span(4, 5, "LOC")]
    dataset = dataset_of("weibo", [(6, [*known, Span(2, 4, "GPE")]), (3, [Span(0, 3, "GPE")])])
    assert dataset.spans is not None and list(dataset.spans.types) == ["LOC", "PER", "GPE"]
    known_alone = dataset_of("weibo", [(6, known), (3, [])])
    tags = head.targets(dataset)["tags"].values
    assert (tags == head.targets(known_alone)["tags"].values).all()
    labels = [head.labels[tag] for tag in tags.tolist()]
    assert labels == ["B-PER", "I-PER", "O", "O", "B-LOC", "O", "O", "O", "O"]
    (expected,) = tags_of(known_alone, VOCAB).values()
    assert (tags == expected["tags"].values).all()


@pytest.mark.parametrize(
    ("task", "settings", "path", "message"),
    [
        (
            "weibo",
            {"head": {"scheme": "BIOS"}},
            "model.head.scheme",
            'no tag scheme "BIOS": expected one of BIO, BIOES',
        ),
        (
            "weibo",
            {"heads": {"weibo": {"scheme": "bmes"}}},
            "model.heads.weibo.scheme",
            'no tag scheme "bmes"',
        ),
        (
            "msr",
            {"head": {"scheme": "IOB1"}},
            "model.head.scheme",
            'no tag scheme "IOB1" for word segmentation',
        ),
    ],
)
def test_invalid_schemes(task: str, settings: dict[str, Any], path: str, message: str) -> None:
    vocab: Vocabulary = vocabulary(task)
    with pytest.raises(ConfigurationError) as error:
        build_model("hard_sharing", vocab, **settings)
    assert error.value.path == path and error.value.message.startswith(message)


def test_span_head_has_no_scheme() -> None:
    with pytest.raises(ConfigurationError, match="model.head.scheme: unknown key"):
        build_model("hard_sharing", vocabulary("weibo"), head={"type": "biaffine", "scheme": "BIO"})
    model = build_model("hard_sharing", VOCAB, heads={"weibo": {"type": "global_pointer"}})
    assert model.scheme("weibo") is None
    assert model.scheme("msra") == get_scheme("BIO") and model.scheme("msr") == get_scheme(
        "BMES", True
    )
