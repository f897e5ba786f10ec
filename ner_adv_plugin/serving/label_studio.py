"""Label Studio's machine learning backend: labeling configurations and predictions.

Source: https://labelstud.io/guide/ml and the routes of label-studio-ml-backend.
"""

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.labels.spans import ScoredSpan
from ner_adv_plugin.data.reading.json_formats import listed


@dataclass(frozen=True)
class Labeling:
    """How a project shows and names entities.

    # Parameters

    from_name, to_name : names of the `Labels` and of the `Text` that they belong to.
    text_key : key of the text in the data of a task.
    label_of_type : the label of each type of the model; types without a label are left out.
    """

    from_name: str
    to_name: str
    text_key: str
    label_of_type: dict[str, str]

    def text(self, task: dict[str, Any]) -> str | None:
        """Return the text of a task's data; None if it has none."""
        text = task.get(self.text_key)
        return text if isinstance(text, str) else None

    def prediction(self, text: str, spans: Sequence[ScoredSpan], version: str) -> dict[str, Any]:
        """Return the prediction for a task; its score is that of the least certain region."""
        shown = [span for span in spans if span.type in self.label_of_type]
        regions = [self._region(number, text, span) for number, span in enumerate(shown)]
        scores = [span.score for span in shown if not math.isnan(span.score)]
        return {"model_version": version, "score": min(scores, default=1.0), "result": regions}

    def _region(self, number: int, text: str, span: ScoredSpan) -> dict[str, Any]:
        region = {
            "id": str(number),
            "from_name": self.from_name,
            "to_name": self.to_name,
            "type": "labels",
            "value": {
                "start": span.start,
                "end": span.end,
                "text": text[span.start : span.end],
                "labels": [self.label_of_type[span.type]],
            },
        }
        # JSON has no NaN, the score of a head that computes none.
        return region if math.isnan(span.score) else {**region, "score": span.score}


def labeling(config: str, types: Sequence[str]) -> Labeling:
    """Read the labeling configuration of a project for entities in text.

    A type of the model has the label of the same name, in upper or lower case, or the one that
    lists it in `predicted_values`: `<Label value="Person" predicted_values="PER,PER.NAM"/>`.

    # Parameters

    config : the configuration in XML.
    types : the types of the model.

    # Raises

    UserError : if the configuration has no labels for a text, or none of the model's types.

    # Examples

    >>> config = '<View><Labels name="ner" toName="text"><Label value="Loc"/></Labels>'
    >>> labeling(config + '<Text name="text" value="$content"/></View>', ["LOC", "PER"])
    Labeling(from_name='ner', to_name='text', text_key='content', label_of_type={'LOC': 'Loc'})
    """
    root = _parsed(config)
    texts = {element.get("name"): element.get("value", "") for element in root.iter("Text")}
    found = next((e for e in root.iter("Labels") if e.get("toName") in texts), None)
    if found is None:
        raise UserError(
            'expected <Labels name="..." toName="..."> for a <Text>, found none in the labeling '
            "configuration"
        )
    value = texts[found.get("toName")]
    if not value.startswith("$") or len(value) < 2:
        raise UserError(f'expected <Text value="$KEY">, the key of the text, found "{value[:80]}"')

    label_of_name = dict(_names(found))
    labels = {name.lower(): label for name, label in label_of_name.items()}
    label_of_type = {
        name: label_of_name.get(name, labels.get(name.lower(), ""))
        for name in types
        if name.lower() in labels
    }
    if not label_of_name:
        # Labels that come from the data of tasks.
        label_of_type = {name: name for name in types}
    if not label_of_type:
        raise UserError(
            f"none of the labels {listed(list(label_of_name))} is a type of the model, "
            f'{listed(types)}. Add predicted_values="..." to a <Label>.'
        )
    name, target = str(found.get("name")), str(found.get("toName"))
    return Labeling(name, target, value[1:], label_of_type)


def _parsed(config: str) -> ElementTree.Element:
    if "<!DOCTYPE" in config or "<!ENTITY" in config:
        raise UserError("expected a labeling configuration without DOCTYPE and entities")
    try:
        return ElementTree.fromstring(config)
    except ElementTree.ParseError as error:
        raise UserError(f"expected a labeling configuration in XML: {error}") from error


def _names(labels: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Yield the names under which each label is known, with the label in results."""
    for element in labels.iter("Label"):
        value = element.get("value", "")
        shown = element.get("alias") or value
        predicted = element.get("predicted_values", "").split(",")
        for name in (value, shown, *map(str.strip, predicted)):
            if name:
                yield name, shown
