"""`allennlp serve --ensemble`: several models answer by their vote."""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import httpx
import pytest
from fastapi.testclient import TestClient

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.commands import main
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.inference import Ensemble, Tagger
from ner_adv_plugin.serving.app import create_app
from ner_adv_plugin.serving.models import ServedEnsemble, load_models
from tests.answers import assert_same_answers
from tests.inference.ensemble_test import flags_of
from tests.inference.ensemble_test import models as models  # the fixture
from tests.server.process import server_of

TEXTS = ["魏勇在深圳大学工作。", "", "😀韦乐在上海", "我在北京大学见到了王小明", "南京西路" * 30]
LABELS = '<View><Labels name="l" toName="t"/><Text name="t" value="$text"/></View>'


@pytest.fixture(scope="module")
def client(models: list[Path]) -> Iterator[TestClient]:
    served = load_models([f"tiny={models[0]}"], ensemble=[str(path) for path in models[1:]])
    with TestClient(create_app(served)) as client:
        yield client


@pytest.mark.parametrize(("head", "key"), [("weibo", "entities"), ("msr", "words")])
def test_answers_are_those_of_the_vote(
    client: TestClient, models: list[Path], head: str, key: str
) -> None:
    answer = client.post("/predict", json={"texts": TEXTS, "head": head}).json()
    found = [{key: result[key]} for result in answer["results"]]
    if key == "words":
        found = [{key: [word["text"] for word in one[key]]} for one in found]
    archive = load_archive(models[0], only_heads=[head])
    inputs = [{"text": text} for text in TEXTS]
    voted = Ensemble(archive, models[1:], head).predict_batch_json(inputs)
    assert_same_answers(found, [{key: one[key]} for one in voted])
    alone = Tagger(archive, head).predict_batch_json(inputs)
    assert [one[key] for one in alone] != [one[key] for one in voted]


def test_routes(client: TestClient) -> None:
    (model,) = client.get("/metadata").json()["models"]
    assert (model["name"], model["default_head"]) == ("tiny", "weibo")
    assert list(model["heads"]) == ["weibo", "msra", "msr"]

    tasks = {"tasks": [{"data": {"text": TEXTS[0]}}], "label_config": LABELS}
    (prediction,) = client.post("/predict", json=tasks).json()["results"]
    (result,) = client.post("/predict", json={"texts": TEXTS[:1]}).json()["results"]
    regions = [(r["value"]["start"], r["value"]["labels"]) for r in prediction["result"]]
    assert regions == [(one["start"], [one["type"]]) for one in result["entities"]]

    refused = client.post("/predict", json={"texts": TEXTS, "n_best": 2})
    assert refused.status_code == 422
    (fault,) = refused.json()["detail"]
    assert fault["loc"] == ["body", "n_best"] and fault["type"] == "not_ranked"
    assert fault["msg"] == "models that vote do not rank readings: leave n_best out"


def test_heads_that_all_models_have_are_served(
    models: list[Path], transformer_archive: Path
) -> None:
    (model,) = load_models([str(models[0])], ensemble=[str(transformer_archive)])
    assert list(model.heads) == ["weibo"] and model.default_head == "weibo"
    other = Mock(heads=["news"])
    other.readers.archive = "runs/news"
    with pytest.raises(UserError, match="none of the heads .*msr is in all .*: runs/news: news"):
        ServedEnsemble("a", model.archive, [other])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a=RUN", "b=RUN", "--ensemble", "RUN"], "--ensemble: expected one archive to vote with"),
        (["RUN", "--ensemble", "nowhere"], "no archive at nowhere"),
    ],
)
def test_models_that_cannot_vote(
    arguments: list[str], message: str, tiny_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["serve", *(word.replace("RUN", str(tiny_run)) for word in arguments)])
    assert stopped.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.slow
def test_a_server_that_votes(models: list[Path], tmp_path: Path) -> None:
    flags = map(str, flags_of(models[1:]))
    with server_of(models[0], tmp_path / "log", *flags) as server:
        answer = httpx.post(f"{server.url}/predict", json={"texts": TEXTS}, timeout=300).json()
    inputs = [{"text": text} for text in TEXTS]
    voted = Ensemble(load_archive(models[0]), models[1:]).predict_batch_json(inputs)
    found = [{"entities": result["entities"]} for result in answer["results"]]
    assert_same_answers(found, [{"entities": one["entities"]} for one in voted])
