"""Scores of a trained model on a corpus in memory."""

import logging
from collections.abc import Sequence
from pathlib import Path

from ner_adv_plugin.api.corpora import load_corpus
from ner_adv_plugin.api.tables import table
from ner_adv_plugin.archives import Archive
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.inference import Ensemble, Predictor
from ner_adv_plugin.inference.evaluated_types import EvaluatedFile
from ner_adv_plugin.inference.evaluator import Evaluator

logger = logging.getLogger(__name__)


class Scores(dict[str, float]):
    """Scores by name, which show themselves as a table in a notebook."""

    def _repr_html_(self) -> str:
        return table(self)


def evaluate(
    model: Predictor | Archive | str | Path,
    corpus: Sequence[Instance] | str | Path,
    head: str | None = None,
    batch_size: int = 64,
) -> Scores:
    """Score a trained model on a labelled corpus, strictly: start, end and type must be right.

    # Parameters

    model : a predictor, an archive, or the path of an archive or a run.
    corpus : sentences with spans, or the path of an annotated file.
    head : name of the head that is scored; that of the predictor, or of `validation_metric`.
    batch_size : maximum number of sentences in a batch.

    # Returns

    `f1`, `precision`, `recall`, `f1_<TYPE>` and the other scores of `allennlp evaluate`, without
    the name of the head.

    # Raises

    UserError : if no sentence is labelled, or no entity is of a type that the model knows.
    """
    archive, head = _opened(model, head)
    sentences = load_corpus(corpus) if isinstance(corpus, str | Path) else corpus
    labelled = [sentence for sentence in sentences if sentence.spans is not None]
    if not labelled:
        raise UserError(f"no labels in {len(sentences)} sentences, so there is nothing to score")
    if len(labelled) < len(sentences):
        unlabelled = len(sentences) - len(labelled)
        logger.warning("%d unlabelled sentences are not scored", unlabelled)

    vocab = archive.model.vocab
    name = next(name for name, space in vocab.datasets.items() if space.head == head)
    space = vocab.label_space(head)
    instances = InstanceTable.of(labelled, name)
    file = EvaluatedFile(name, space, instances)
    if not space.segmentation:
        file.check()

    dataset = EncodedDataset(name, instances, vocab, archive.model.alphabet, archive.shown(name))
    dataset.targets = archive.model.targets(dataset, training=False)
    evaluator = Evaluator(vocab, {name: dataset}, batch_size)
    predictions = (
        model.predictions([dataset])
        if isinstance(model, Ensemble)
        else evaluator.predict(archive.model, "evaluating", scored=True)
    )
    if not space.segmentation:
        file.warn(predictions[name].spans)
    metrics = evaluator.metrics(predictions)
    scores = Scores({key.removeprefix(f"{head}_"): value for key, value in metrics.items()})
    for result in evaluator.reliability(predictions).values():
        scores["ece"] = result.ece
    return scores


def _opened(model: Predictor | Archive | str | Path, head: str | None) -> tuple[Archive, str]:
    """Return an archive and the name of one of its heads, which is checked."""
    if isinstance(model, str | Path):
        model = Predictor.from_path(model, head=head)
    archive = model.archive if isinstance(model, Predictor) else model
    chosen = head or (model.head if isinstance(model, Predictor) else archive.default_head)
    loaded = archive.model.vocab.heads
    if chosen not in loaded:
        raise UserError(f'no head "{chosen}"; its heads: {", ".join(loaded)}')
    return archive, chosen
