"""Tags, entities and words of sentences."""

from collections.abc import Sequence

from ner_adv_plugin.data.encoded_rows import EncodedRows
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.vocabulary import LabelSpace
from ner_adv_plugin.prediction.archive import Archive
from ner_adv_plugin.prediction.predictor import JsonDict, Predictor
from ner_adv_plugin.training.evaluator import predict_rows


@Predictor.register("tagger")
class Tagger(Predictor):
    """Tags sentences by one head.

    An input is `{"sentence": ...}`; an answer has `sentence`, `tags` (one a character), and `entities` with
    `start`, `end` (exclusive), `type` and `text`, or `words` for a segmentation head.
    Registered as "tagger".

    # Parameters

    archive, head : see `Predictor`.
    batch_size : sentences encoded together at most.
    """

    def __init__(self, archive: Archive, head: str | None = None, batch_size: int = 64) -> None:
        super().__init__(archive, head)
        self.batch_size = batch_size
        datasets = archive.model.vocab.datasets
        self._dataset = next(name for name, space in datasets.items() if space.head == self.head)
        self._labels = archive.model.vocab.label_space(self.head)

    def json_to_instance(self, inputs: JsonDict) -> Instance:
        """See `Predictor.json_to_instance`."""
        if not isinstance(inputs, dict) or not isinstance(inputs.get("sentence"), str):
            raise ValueError('expected an object with a string "sentence"')
        return Instance(inputs["sentence"])

    def predict_batch_instance(self, instances: Sequence[Instance]) -> list[JsonDict]:
        """See `Predictor.predict_batch_instance`."""
        model = self.archive.model
        bare = [Instance(row.text) for row in instances]
        rows = EncodedRows(self._dataset, bare, model.vocab, model.alphabet)
        tags = predict_rows(model, rows, self.head, self.batch_size).tags
        names = self._labels.labels
        bounds = zip(rows.offsets[:-1].tolist(), rows.offsets[1:].tolist(), strict=True)
        flat = [names[tag] for tag in tags.tolist()]
        return [
            answer(row.text, flat[start:end], self._labels) for row, (start, end) in zip(instances, bounds, strict=True)
        ]


def answer(text: str, tags: list[str], labels: LabelSpace) -> JsonDict:
    """A sentence with its tags, and the entities or words that they mean."""
    spans = labels.scheme.spans(tags)
    result: JsonDict = {"sentence": text, "tags": tags}
    if labels.scheme.segmentation:
        result["words"] = [text[span.start : span.end] for span in spans]
    else:
        result["entities"] = [
            {"start": span.start, "end": span.end, "type": span.type, "text": text[span.start : span.end]}
            for span in spans
        ]
    return result
