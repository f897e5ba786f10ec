"""Label Studio as it calls a machine learning backend.

The payloads are those of `ml/api_connector.py` in label-studio, of `api.py` in
label-studio-ml-backend, and of "Webhook event format reference" in Label Studio's guide.
"""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from ner_adv_plugin.common.errors import DataError, UserError
from ner_adv_plugin.data.labels.spans import ScoredSpan, Span
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.inference import Tagger
from ner_adv_plugin.serving import ServerSettings
from ner_adv_plugin.serving.app import create_app
from ner_adv_plugin.serving.label_studio import labeling
from ner_adv_plugin.serving.models import ServedModel

CONFIG = """
<View>
  <Header value="Mark names"/>
  <Choices name="kind" toName="text"><Choice value="news"/></Choices>
  <Labels name="label" toName="text">
    <Label value="PER.NAM" background="red"/>
    <Label value="gpe.nam"/>
    <Label value="Organisation" predicted_values="ORG.NAM, ORG.NOM"/>
    <Label value="Place" alias="LOC.NAM"/>
  </Labels>
  <Text name="text" value="$ner" granularity="word"/>
</View>
<!-- {"data": {"text": "an example"}} -->
"""
TEXTS = ["😀魏勇在深圳大学工作，韦乐在上海。", "没有", ""]
PREDICT = {
    "tasks": [
        {
            "id": 19 + i,
            "data": {"ner": text, "other": 3},
            "meta": {},
            "is_labeled": False,
            "overlap": 1,
            "project": 2,
            "annotations": [],
            "predictions": [],
        }
        for i, text in enumerate(TEXTS)
    ],
    "model_version": "any",
    "project": "2.1629208574",
    "label_config": CONFIG,
    "params": {"login": None, "password": None, "context": None},
}
SETUP = {
    "project": "2.1629208574",
    "schema": CONFIG,
    "hostname": "http://localhost:8080",
    "access_token": "9105a1d897e52286",
}
PROJECT = {"id": 2, "title": "New Project #2", "label_config": CONFIG, "created_by": 1}


def annotation(number: int, *spans: Span, task: int = 19) -> dict[str, Any]:
    text = TEXTS[task - 19]
    return {
        "id": number,
        "result": [
            {
                "value": {
                    "start": span.start,
                    "end": span.end,
                    "text": text[span.start : span.end],
                    "labels": [span.type],
                },
                "id": f"WArqkkif{i}",
                "from_name": "label",
                "to_name": "text",
                "type": "labels",
            }
            for i, span in enumerate(spans)
        ],
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2021-08-17T13:52:48.536303Z",
        "lead_time": 37.13,
        "prediction": {},
        "task": task,
        "completed_by": 1,
    }


def event(action: str, one: dict[str, Any], task: int | None = 19) -> dict[str, Any]:
    sent = {"action": action, "annotation": one, "project": PROJECT}
    if task is not None:
        sent["task"] = PREDICT["tasks"][task - 19]  # type: ignore[index]
    return sent


def place(answer: Any) -> str:
    (fault,) = answer.json()["detail"]
    return ".".join(map(str, fault["loc"]))


def test_predictions_of_tasks(client: TestClient, served: ServedModel) -> None:
    answer = client.post("/predict", json=PREDICT)
    assert answer.status_code == 200
    results = answer.json()["results"]
    expected = Tagger(served.archive).predict_batch_json([{"text": text} for text in TEXTS])
    label = {
        "PER.NAM": "PER.NAM",
        "GPE.NAM": "gpe.nam",
        "ORG.NAM": "Organisation",
        "ORG.NOM": "Organisation",
        "LOC.NAM": "LOC.NAM",
    }
    assert len(results) == 3
    for result, one in zip(results, expected, strict=True):
        assert result["model_version"] == served.version
        shown = [entity for entity in one["entities"] if entity["type"] in label]
        assert [region["value"] for region in result["result"]] == [
            {key: entity[key] for key in ("start", "end", "text")}
            | {"labels": [label[entity["type"]]]}
            for entity in shown
        ]
        assert len({region["id"] for region in result["result"]}) == len(shown)
        for region, entity in zip(result["result"], shown, strict=True):
            assert (region["from_name"], region["to_name"]) == ("label", "text")
            assert region["type"] == "labels"
            assert region["score"] == pytest.approx(entity["score"], abs=1e-4)
        scores = [entity["score"] for entity in shown]
        assert result["score"] == pytest.approx(min(scores, default=1.0), abs=1e-4)
    assert results[0]["result"]


def test_setup_and_health(client: TestClient, served: ServedModel) -> None:
    assert client.post("/setup", json=SETUP).json() == {"model_version": served.version}
    extra = SETUP | {"extra_params": '{"a": 1}'}
    assert client.post("/setup", json=extra).status_code == 200
    assert client.get("/health").json()["status"] == "UP"


def test_model_and_head_in_the_path(client: TestClient, served: ServedModel) -> None:
    config = CONFIG.replace("PER.NAM", "PER")
    base = "/label-studio/tiny/msra"
    assert client.get(f"{base}/health").status_code == 200
    assert client.post(f"{base}/setup", json=SETUP | {"schema": config}).status_code == 200
    answer = client.post(f"{base}/predict", json=PREDICT | {"label_config": config})
    expected = Tagger(served.archive, "msra").predict_json({"text": TEXTS[0]})
    found = [region["value"]["text"] for region in answer.json()["results"][0]["result"]]
    assert found == [e["text"] for e in expected["entities"] if e["type"] == "PER"]

    answer = client.post("/label-studio/tony/msra/predict", json=PREDICT)
    assert answer.status_code == 422 and place(answer) == "path.model"
    answer = client.post("/label-studio/tiny/msr/setup", json=SETUP)
    assert answer.status_code == 422 and "predicts words" in answer.text


def test_invalid_payloads(client: TestClient) -> None:
    answer = client.post("/setup", json=SETUP | {"schema": "<View></View>"})
    assert (answer.status_code, place(answer)) == (422, "body.schema")
    answer = client.post("/predict", json=PREDICT | {"label_config": "<View"})
    assert (answer.status_code, place(answer)) == (422, "body.label_config")
    tasks = [{"id": 1, "data": {"ner": "a"}}, {"id": 2, "data": {"text": "b"}}]
    answer = client.post("/predict", json=PREDICT | {"tasks": tasks})
    assert (answer.status_code, place(answer)) == (422, "body.tasks.1.data")
    assert 'expected a text as \\"ner\\"' in answer.text
    answer = client.post("/predict", json=PREDICT | {"tasks": [{"id": 1}]})
    assert (answer.status_code, place(answer)) == (422, "body.tasks.0.data")


LABELS = '<View><Labels name="l" toName="t">{}</Labels><Text name="t" value="$x"/></View>'


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("", "in XML: no element found"),
        ("<View/>", "expected <Labels"),
        ('<View><Labels name="l" toName="t"/><Image name="t" value="$x"/></View>', "for a <Text>"),
        (LABELS.replace("$x", "x").format(""), 'expected <Text value="\\$KEY">.* found "x"'),
        (LABELS.format('<Label value="Cat"/>'), 'none of the labels "Cat" .* model, "PER", "LOC"'),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + LABELS.format(""), "without DOCTYPE"),
    ],
)
def test_labeling_configurations_are_checked(config: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        labeling(config, ["PER", "LOC"])


def test_labels_of_the_data_are_the_types() -> None:
    assert labeling(LABELS.format(""), ["PER", "LOC"]).label_of_type == {"PER": "PER", "LOC": "LOC"}


def test_scores_that_were_not_computed_are_left_out() -> None:
    project = labeling(LABELS.format('<Label value="PER"/>'), ["PER"])
    spans = [ScoredSpan(0, 2, "PER", math.nan)]
    found = project.prediction("魏勇", spans, "v")
    assert "score" not in found["result"][0] and found["score"] == 1.0


def test_annotations_are_kept_and_can_be_trained_on(served: ServedModel, tmp_path: Path) -> None:
    file = tmp_path / "annotations.json"
    with TestClient(create_app([served], ServerSettings(annotations=file))) as client:

        def send(payload: dict[str, Any], status: int = 201) -> Any:
            answer = client.post("/webhook", json=payload)
            assert answer.status_code == status, answer.text
            return answer.json()

        kept = {"status": "ok", "result": {"kept": True}}
        not_kept = {"status": "ok", "result": {"kept": False}}
        first = annotation(17, Span(1, 3, "PER.NAM"))
        assert send(event("ANNOTATION_CREATED", first)) == kept
        second = annotation(17, Span(1, 3, "PER.NAM"), Span(4, 8, "ORG.NAM"))
        assert send(event("ANNOTATION_UPDATED", second)) == kept
        assert send(event("ANNOTATION_CREATED", annotation(18, task=20), task=20)) == kept
        assert send({"action": "START_TRAINING", "project": PROJECT}) == not_kept
        assert send({"action": "PROJECT_UPDATED", "project": PROJECT}, 200) == {
            "status": "Unknown event"
        }
        # As older versions send it, without the text.
        answer = client.post("/webhook", json=event("ANNOTATION_CREATED", first, task=None))
        assert (answer.status_code, place(answer)) == (422, "body.task")

    reader = DatasetReader.from_params({"type": "annotations"})
    sentences = list(reader.read(file))
    assert [sentence.text for sentence in sentences] == TEXTS[:2]
    assert sentences[0].spans == [Span(1, 3, "PER.NAM"), Span(4, 8, "ORG.NAM")]

    # A server that starts again goes on with the file.
    with TestClient(create_app([served], ServerSettings(annotations=file))) as client:
        other = event("ANNOTATION_DELETED", {"id": 17}, task=None)
        client.post("/webhook", json=other | {"project": {"id": 3}})
        assert len(json.loads(file.read_text(encoding="utf-8"))) == 2
        client.post("/webhook", json=other)
        (left,) = json.loads(file.read_text(encoding="utf-8"))
        assert left["id"] == 20


def test_without_a_file_nothing_is_kept(client: TestClient) -> None:
    answer = client.post("/webhook", json=event("ANNOTATION_CREATED", annotation(17)))
    assert answer.status_code == 201
    assert answer.json() == {"status": "ok", "result": {"kept": False}}


@pytest.mark.parametrize("content", ["{", "{}", '[{"id": 1}]', "[" * 5000])
def test_another_file_is_not_overwritten(served: ServedModel, tmp_path: Path, content: str) -> None:
    file = tmp_path / "annotations.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="annotations.json: .* expected a JSON list of tasks"):
        create_app([served], ServerSettings(annotations=file))
    assert file.read_text(encoding="utf-8") == content
