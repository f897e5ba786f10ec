"""Predictor that lets several models vote."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ner_adv_plugin.archives import Archive, load_archive
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import SpanTable
from ner_adv_plugin.data.labels.voting import elected_entities, elected_words
from ner_adv_plugin.inference.predictions import Predictions
from ner_adv_plugin.inference.predictor import Predictor
from ner_adv_plugin.inference.tagger import Reading, Tagger


@Predictor.register("ensemble")
class Ensemble(Tagger):
    """Predict the entities that more than half of several models predict, such as of seeds.

    Words are cut wherever more than half of the models cut. A score is the mean of the models'
    scores, 0 for those that do not predict the entity or word. Encoders, vocabularies and types may
    differ between the models; each needs a head of the same name and task. Time and memory are the
    sum of theirs.

    Registered as "ensemble".

    # Parameters

    archive, head : see `Predictor`; the first model, whose tag scheme answers have.
    archives : paths or URLs of the other models; from Python also opened archives.
    batch_size, text_key : see `Tagger`.

    # Raises

    ConfigurationError : there is no other model.
    UserError : one of them has no such head, or one of another task; or some models tag
        characters, and entities of others may overlap.

    # Example

    ```jsonnet
    { type: 'ensemble', archives: ['runs/seed2', 'runs/seed3'] }
    ```
    """

    def __init__(
        self,
        archive: Archive,
        archives: Sequence[str | Path | Archive],
        head: str | None = None,
        batch_size: int = 64,
        text_key: str | None = None,
    ) -> None:
        super().__init__(archive, head, batch_size, text_key=text_key)
        if not archives:
            raise ConfigurationError("expected one or more, found none", "archives")
        self.others = [self._other(own) for own in voters(archive, archives, [self.head])]

    def _other(self, archive: Archive) -> Tagger:
        """Return the tagger of another model."""
        task = archive.model.vocab.label_space(self.head).task
        shown = archive.readers.archive
        expected = self.archive.model.vocab.label_space(self.head).task
        if task != expected:
            raise UserError(
                f'{shown}: head "{self.head}" is of the task {task}, that of the first model of'
                f" {expected}: they cannot vote"
            )
        other = Tagger(archive, self.head, self.batch_size)
        if (other._scheme is None) != (self._scheme is None):
            raise UserError(
                f'{shown}: entities of head "{self.head}" may overlap in one of the two models and'
                " not in the other: they cannot vote"
            )
        return other

    def readings(self, instances: Sequence[Instance]) -> list[list[Reading]]:
        """Return what the models elect for several sentences, in order; one reading of each."""
        first = super().readings(instances)
        by_model = [first, *(other.readings(instances) for other in self.others)]
        elect = elected_words if self._segments else elected_entities
        return [
            [Reading(elect([own[0].spans for own in of_sentence]))]
            for of_sentence in zip(*by_model, strict=True)
        ]

    def predictions(self, datasets: Iterable[EncodedDataset]) -> dict[str, Predictions]:
        """Return the predictions for several datasets, to be scored in place of those of a model.

        # Parameters

        datasets : datasets of the head.

        # Returns

        The predictions by dataset, without losses.
        """
        types = self.archive.model.vocab.label_space(self.head).types
        found = {}
        for dataset in datasets:
            readings = self.readings([Instance(text) for text in dataset.texts()])
            table = SpanTable.of([best.spans for (best,) in readings], types)
            found[dataset.dataset] = Predictions(table, loss=None)
        return found


def voters(
    first: Archive, archives: Sequence[str | Path | Archive], heads: Sequence[str]
) -> list[Archive]:
    """Open the models that vote with another one, on its device.

    # Parameters

    first : the first model.
    archives : paths or URLs of the others; those that are opened are returned as they are.
    heads : names of the heads that vote.
    """
    device = next(first.model.parameters()).device
    cuda_device = -1 if device.type == "cpu" else device.index
    return [
        own if isinstance(own, Archive) else load_archive(own, cuda_device, only_heads=heads)
        for own in archives
    ]
