"""The routes, with a trained model in this process."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.inference import Predictor, Tagger
from ner_adv_plugin.serving import Batching, Limits, ServerSettings
from ner_adv_plugin.serving.app import create_app
from ner_adv_plugin.serving.models import ServedModel, load_models
from tests.answers import assert_same_answers

TEXTS = ["魏勇在深圳大学工作。", "", "  ", "😀韦乐在上海", "a\u2028b\x00\n北京", "南京西路" * 30]


def faults(answer: httpx.Response, status: int) -> list[tuple[str, str]]:
    """Return the places and messages of a refused request."""
    assert answer.status_code == status, answer.text
    detail = answer.json()["detail"]
    assert all(set(fault) == {"loc", "msg", "type"} for fault in detail)
    return [(".".join(map(str, fault["loc"])), fault["msg"]) for fault in detail]


def as_predicted(result: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {"sentence": result["text"], **{key: result[key] for key in keys if key in result}}


def without_tags(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "tags"}


@pytest.mark.parametrize("head", ["weibo", "msra"])
def test_entities_are_those_of_the_predictor(
    client: TestClient, served: ServedModel, head: str
) -> None:
    answer = client.post("/predict", json={"texts": TEXTS, "head": head}).json()
    assert (answer["model"], answer["head"]) == ("tiny", head)
    expected = Tagger(served.archive, head).predict_batch_json([{"text": text} for text in TEXTS])
    found = [as_predicted(result, "entities") for result in answer["results"]]
    assert any(one["entities"] for one in found)
    assert_same_answers(found, [without_tags(one) for one in expected])


def test_the_default_head_and_n_best(client: TestClient, served: ServedModel) -> None:
    answer = client.post("/predict", json={"texts": TEXTS, "n_best": 3}).json()
    assert answer["head"] == "weibo"
    tagger = Tagger(served.archive, n_best=3)
    expected = tagger.predict_batch_json([{"text": text} for text in TEXTS])
    for found, one in zip(answer["results"], expected, strict=True):
        assert [reading["probability"] for reading in found["n_best"]] == pytest.approx(
            [reading["probability"] for reading in one["n_best"]], abs=1e-5
        )
        spans = [[entity["text"] for entity in r["entities"]] for r in found["n_best"]]
        assert spans == [[entity["text"] for entity in r["entities"]] for r in one["n_best"]]


def test_words_of_a_segmentation_head(client: TestClient, served: ServedModel) -> None:
    answer = client.post("/predict", json={"texts": TEXTS, "head": "msr"}).json()
    expected = Tagger(served.archive, "msr").predict_batch_json([{"text": text} for text in TEXTS])
    for result, one in zip(answer["results"], expected, strict=True):
        assert [word["text"] for word in result["words"]] == one["words"]
        assert all(result["text"][w["start"] : w["end"]] == w["text"] for w in result["words"])


def test_lone_surrogates_are_answered_escaped(client: TestClient) -> None:
    answer = client.post(
        "/predict", content=b'{"texts": ["\\ud83d"]}', headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200 and b'"text":"\\ud83d"' in answer.content


@pytest.mark.parametrize(
    ("body", "where", "message"),
    [
        ({}, "body.texts", "Field required"),
        ({"texts": "a"}, "body.texts", "Input should be a valid list"),
        ({"texts": ["a", 3]}, "body.texts.1", "Input should be a valid string"),
        ({"texts": ["a"], "haed": "x"}, "body.haed", "Extra inputs are not permitted"),
        ({"texts": ["a"], "n_best": 0}, "body.n_best", "Input should be greater than or equal"),
        ({"texts": ["a"], "n_best": 51}, "body.n_best", "51 readings, at most 50"),
        ({"texts": ["a"], "head": "wiebo"}, "body.head", 'no head "wiebo". Did you mean "weibo"?'),
        ({"texts": ["a"], "head": "\ud83d"}, "body.head", "no head"),
        ({"texts": ["a"], "model": "tony"}, "body.model", 'no model "tony". Did you mean "tiny"?'),
        ([], "body", "Input should be a valid dictionary"),
        ({"texts": ["a", "b" * 1001], "n_best": 2}, "body.texts.1", "1001 characters: n_best is"),
    ],
)
def test_invalid_bodies(client: TestClient, body: Any, where: str, message: str) -> None:
    answer = client.post(
        "/predict", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    (fault,) = faults(answer, 422)
    assert fault[0] == where and fault[1].startswith(message)


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b""])
def test_bodies_that_are_not_json(client: TestClient, body: bytes) -> None:
    answer = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422) and "detail" in answer.json()


def test_texts_are_not_repeated_in_errors(client: TestClient) -> None:
    answer = client.post("/predict", json={"texts": ["秘密" * 100, 3]})
    assert answer.status_code == 422 and "秘密" not in answer.text


def test_limits(served: ServedModel) -> None:
    limits = Limits(body_bytes=500, texts=3, characters=20, queued_characters=20)
    with TestClient(create_app([served], ServerSettings(limits))) as client:
        found = faults(client.post("/predict", json={"texts": ["a"] * 4}), 413)
        assert found == [("body.texts", "4 texts, at most 3 are accepted")]
        found = faults(client.post("/predict", json={"texts": ["a" * 15, "b" * 6, "c"]}), 413)
        message = "21 characters up to and with this text, at most 20 are accepted in a request"
        assert found == [("body.texts.1", message)]
        answer = client.post("/predict", json={"texts": ["a" * 600]})
        assert faults(answer, 413) == [("body", "614 bytes, at most 500 are accepted")]

        def chunks() -> Any:
            for _ in range(10):
                yield b'"' + b"a" * 99

        answer = client.post(
            "/predict", content=chunks(), headers={"Content-Type": "application/json"}
        )
        assert faults(answer, 413) == [("body", "more than 500 bytes, the most that are accepted")]
        assert client.post("/predict", json={"texts": ["a" * 20]}).status_code == 200
        assert 'ner_rejected_total{reason="too_large"} 2.0' in client.get("/metrics").text


def test_long_texts_are_cut_at_sentence_ends(served: ServedModel) -> None:
    sentences = ["魏勇在深圳大学工作。", "韦乐昨天到了上海！", "北京的会议在南京举行，\n"] * 20
    text = "".join(sentences)
    settings = ServerSettings(batching=Batching(window=12, overlap=3))
    with TestClient(create_app([served], settings)) as client:
        answer = client.post("/predict", json={"texts": ["a", text, "b"]}).json()["results"][1]
        words = client.post("/predict", json={"texts": [text], "head": "msr"}).json()["results"]
    expected, position = [], 0
    for one in Tagger(served.archive).predict_batch_json([{"text": part} for part in sentences]):
        for entity in one["entities"]:
            start, end = entity["start"] + position, entity["end"] + position
            expected.append(entity | {"start": start, "end": end})
        position += len(one["sentence"])
    assert len(expected) > 20
    assert_same_answers(
        [as_predicted(answer, "entities")], [{"sentence": text, "entities": expected}]
    )
    assert "".join(word["text"] for word in words[0]["words"]) == text


def test_a_full_queue_answers_429(served: ServedModel) -> None:
    limits = Limits(queued_requests=2)
    app = create_app([served], ServerSettings(limits, Batching(max_wait=0.3)))

    async def main() -> list[httpx.Response]:
        await app.state.service.start()
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            asked = [client.post("/predict", json={"texts": ["魏勇"]}) for _ in range(5)]
            answers = await asyncio.gather(*asked)
        await app.state.service.batcher.close()
        return answers

    answers = asyncio.run(main())
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert all(1 <= int(answer.headers["Retry-After"]) <= 60 for answer in refused)
    assert faults(refused[0], 429) == [("queue", "2 requests wait, the most that may")]


def test_answers_of_many_clients_are_not_mixed_up(served: ServedModel) -> None:
    app = create_app([served])
    texts = [f"魏勇在深圳大学第{i}天工作" for i in range(60)]

    async def main() -> list[httpx.Response]:
        await app.state.service.start()
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            heads = ["weibo", "msra", "msr"]
            asked = [
                client.post("/predict", json={"texts": [text], "head": heads[i % 3]})
                for i, text in enumerate(texts)
            ]
            answers = await asyncio.gather(*asked)
        await app.state.service.batcher.close()
        return answers

    answers = asyncio.run(main())
    assert [answer.json()["results"][0]["text"] for answer in answers] == texts
    keys = [set(answer.json()["results"][0]) for answer in answers[:3]]
    assert keys == [{"text", "entities"}, {"text", "entities"}, {"text", "words"}]
    # Far fewer batches than requests.
    lines = app.state.service.metrics.text().splitlines()
    (count,) = (line for line in lines if line.startswith("ner_batch_texts_count"))
    assert float(count.split()[1]) < 30


def test_a_stopping_server_says_so(served: ServedModel) -> None:
    app = create_app([served])
    with TestClient(app) as client:
        app.state.service.batcher.stopping = True
        assert client.get("/health").status_code == 503
        answer = client.post("/predict", json={"texts": ["a"]})
        assert faults(answer, 503) == [("server", "the server is stopping")]
        assert answer.headers["Retry-After"] == "5"


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("Bearer wrong", 401),
        ("Bearer", 401),
        ("secret", 401),
        ("Basic ???", 401),
        (basic("wrong"), 401),
        ("Bearer secret", 200),
        ("bearer secret", 200),
        (basic("secret"), 200),
    ],
)
def test_the_token(served: ServedModel, authorization: str | None, status: int) -> None:
    with TestClient(create_app([served], ServerSettings(token="secret"))) as client:
        headers = {} if authorization is None else {"Authorization": authorization}
        for path in ("/metadata", "/metrics", "/openapi.json"):
            answer = client.get(path, headers=headers)
            assert answer.status_code == status
        answer = client.post("/predict", json={"texts": ["a"]}, headers=headers)
        assert answer.status_code == status
        if status == 401:
            assert faults(answer, 401) == [("header", "the token is missing or wrong")]
        # What watches the server, and the page that asks for the token.
        assert client.get("/health").status_code == client.get("/").status_code == 200


def test_other_origins_only_if_asked_for(client: TestClient, served: ServedModel) -> None:
    asks = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in client.options("/predict", headers=asks).headers
    assert "access-control-allow-origin" not in client.get("/health", headers=asks).headers
    settings = ServerSettings(origins=("https://a.example",), token="secret")
    with TestClient(create_app([served], settings)) as other:
        answer = other.options("/predict", headers=asks)
        assert answer.headers["access-control-allow-origin"] == "https://a.example"
        answer = other.options("/predict", headers=asks | {"Origin": "https://b.example"})
        assert "access-control-allow-origin" not in answer.headers


def test_metadata_metrics_and_description(client: TestClient, served: ServedModel) -> None:
    (model,) = client.get("/metadata").json()["models"]
    assert (model["name"], model["default_head"]) == ("tiny", "weibo")
    assert list(model["heads"]) == ["weibo", "msra", "msr"]
    types = list(served.archive.model.vocab.label_space("msra").types)
    assert model["heads"]["msra"] == {"task": "ner", "types": types, "overlapping": False}
    client.get("/nothing-here")
    text = client.get("/metrics").text
    assert 'ner_requests_total{route="/metadata",status="200"} 1.0' in text
    assert 'ner_requests_total{route="other",status="404"} 1.0' in text
    description = client.get("/openapi.json").json()
    assert {"/predict", "/health", "/metadata", "/metrics", "/setup", "/webhook"} <= set(
        description["paths"]
    )
    assert {"413", "422", "429", "503"} <= set(
        description["paths"]["/predict"]["post"]["responses"]
    )


def test_the_page_loads_nothing_from_elsewhere(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "//" not in answer.text.replace("// ", "")


def test_several_archives(tiny_run: Path, transformer_archive: Path) -> None:
    models = load_models([f"one={tiny_run}", str(transformer_archive)])
    with TestClient(create_app(models)) as client:
        names = [model["name"] for model in client.get("/metadata").json()["models"]]
        assert names == ["one", "transformer"]
        text = TEXTS[0]
        for name, path in (("one", tiny_run), ("transformer", transformer_archive)):
            answer = client.post("/predict", json={"texts": [text], "model": name}).json()
            expected = Predictor.from_path(path).predict_json({"text": text})
            found = [as_predicted(result, "entities") for result in answer["results"]]
            assert_same_answers(found, [without_tags(expected)])


@pytest.mark.parametrize(
    ("archives", "message"),
    [
        (["a b={run}"], '"a b" is no name for .*Set one: NAME=PATH'),
        (["a={run}", "a={run}"], 'two archives have the name "a"'),
        (["a=/nothing/here"], "nothing/here"),
    ],
)
def test_names_of_archives_are_checked(tiny_run: Path, archives: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_models([archive.format(run=tiny_run) for archive in archives])
