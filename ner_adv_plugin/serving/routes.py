"""The routes of a server."""

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.serving.annotations import CREATED, DELETED, AnnotationFile
from ner_adv_plugin.serving.faults import Answer, refusal
from ner_adv_plugin.serving.label_studio import labeling
from ner_adv_plugin.serving.models import ServedModel
from ner_adv_plugin.serving.queue import Key
from ner_adv_plugin.serving.schemas import (
    Faults,
    LabelStudioAnswer,
    PredictAnswer,
    PredictBody,
    PredictRequest,
    SetupRequest,
    TasksRequest,
    WebhookEvent,
)
from ner_adv_plugin.serving.service import Service, beside

T = TypeVar("T")
router = APIRouter()
label_studio_router = APIRouter(tags=["Label Studio"])

REFUSALS: dict[int | str, dict[str, Any]] = {
    413: {"model": Faults, "description": "The body, the texts or their characters are too many."},
    422: {"model": Faults, "description": "The body is not valid."},
    429: {"model": Faults, "description": "The queue is full; Retry-After says when to ask again."},
    503: {"model": Faults, "description": "The server is stopping."},
}
# Nothing but the page itself, and requests to this server.
PAGE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


class Gone(Exception):
    """The client closed the connection before its answer."""


def _service(request: Request) -> Service:
    service = request.app.state.service
    assert isinstance(service, Service)
    return service


async def _unless_gone(request: Request, work: Awaitable[T]) -> T:
    """Await the answer to a request, or cancel its work if the client goes away.

    # Raises

    Gone : if it does.
    """

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    answer, leaving = asyncio.ensure_future(work), asyncio.create_task(gone())
    try:
        await asyncio.wait((answer, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise Gone
        return answer.result()
    finally:
        for task in (answer, leaving):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leaving


@router.get("/", include_in_schema=False)
async def page(request: Request) -> HTMLResponse:
    """Return the page."""
    headers = {"Content-Security-Policy": PAGE_POLICY, "X-Content-Type-Options": "nosniff"}
    return HTMLResponse(
        request.app.state.page, headers=headers | {"Referrer-Policy": "no-referrer"}
    )


@router.get("/metadata")
async def metadata(request: Request) -> dict[str, Any]:
    """Models, heads, types and limits."""
    service = _service(request)
    limits, batching = service.settings.limits, service.settings.batching
    return {
        "models": [
            {
                "name": model.name,
                "version": model.version,
                "default_head": model.default_head,
                "heads": model.heads,
            }
            for model in service.models.values()
        ],
        "limits": {
            "body_bytes": limits.body_bytes,
            "texts": limits.texts,
            "characters": limits.characters,
            "n_best": limits.n_best,
            "window": batching.window,
        },
    }


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> PlainTextResponse:
    """Counters in the format of Prometheus."""
    text = _service(request).metrics.text()
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")


@label_studio_router.get("/health", tags=["server"])
async def health(request: Request) -> Answer:
    """Whether the server takes requests: 200, or 503 while it stops."""
    stopping = _service(request).batcher.stopping
    status = {"status": "STOPPING" if stopping else "UP", "model_class": "ner_adv_plugin"}
    return Answer(status, 503 if stopping else 200)


@label_studio_router.post(
    "/predict",
    response_model=None,
    responses={200: {"model": PredictAnswer | LabelStudioAnswer}, **REFUSALS},
)
async def predict(request: Request, body: PredictBody) -> Response:
    """Predict texts, or tasks of Label Studio."""
    service = _service(request)
    model, head = _addressed(request, service)
    try:
        if isinstance(body, TasksRequest):
            return await _unless_gone(request, _predict_tasks(service, model, head, body))
        return await _unless_gone(request, _predict_texts(service, body, model, head))
    except Gone:
        # Nobody reads it.
        return Response(status_code=499)


async def _predict_texts(
    service: Service, body: PredictRequest, model: ServedModel, head: str | None
) -> Response:
    if body.model is not None:
        model = service.model(body.model)
    key = service.key(model, body.head if body.head is not None else head, body.n_best)
    readings = await service.readings(key, body.texts)

    def answer() -> Answer:
        pairs = zip(body.texts, readings, strict=True)
        results = [service.described(key, text, own) for text, own in pairs]
        return Answer({"model": key.model, "head": key.head, "results": results})

    return await beside(body.texts, answer)


async def _predict_tasks(
    service: Service, model: ServedModel, head: str | None, body: TasksRequest
) -> Response:
    key = _entity_key(service, model, head)
    try:
        project = labeling(body.label_config, model.heads[key.head]["types"])
    except UserError as error:
        raise refusal(422, ("body", "label_config"), str(error), "label_config") from error

    texts = []
    for index, task in enumerate(body.tasks):
        text = project.text(task.data)
        if text is None:
            message = f'expected a text as "{project.text_key}"'
            raise refusal(422, ("body", "tasks", index, "data"), message, "no_text")
        texts.append(text)
    readings = await service.readings(key, texts, ("body", "tasks"))

    def answer() -> Answer:
        pairs = zip(texts, readings, strict=True)
        results = [project.prediction(text, own[0].spans, model.version) for text, own in pairs]
        return Answer({"results": results})

    return await beside(texts, answer)


@label_studio_router.post("/setup", responses={422: REFUSALS[422]})
async def setup(request: Request, body: SetupRequest) -> dict[str, str]:
    """Check the labeling configuration of a project of Label Studio."""
    service = _service(request)
    model, head = _addressed(request, service)
    key = _entity_key(service, model, head)
    try:
        labeling(body.label_config, model.heads[key.head]["types"])
    except UserError as error:
        raise refusal(422, ("body", "schema"), str(error), "label_config") from error
    return {"model_version": model.version}


@label_studio_router.post("/webhook", responses={422: REFUSALS[422]})
def webhook(request: Request, event: WebhookEvent) -> Answer:
    """Keep or remove annotations of Label Studio, if the server was started with a file for them.

    It is no coroutine, so that writing the file does not keep other requests waiting.
    """
    if event.action not in (*CREATED, *DELETED, "START_TRAINING"):
        return Answer({"status": "Unknown event"})
    kept = _kept(request.app.state.annotations, event)
    return Answer({"status": "ok", "result": {"kept": kept}}, 201)


def _kept(file: AnnotationFile | None, event: WebhookEvent) -> bool:
    """Apply an event to the file; return whether it was changed."""
    annotations = event.annotations or ([event.annotation] if event.annotation else [])
    if file is None or not annotations:
        return False
    project = event.project.get("id")
    if event.action in DELETED:
        file.remove(project, [annotation.get("id") for annotation in annotations])
        return True

    if event.task is None or "id" not in event.task or not isinstance(event.task.get("data"), dict):
        message = 'expected the task with its "id" and "data": without it the text is not known'
        raise refusal(422, ("body", "task"), message, "no_text")
    file.keep(project, event.task, annotations)
    return True


def _addressed(request: Request, service: Service) -> tuple[ServedModel, str | None]:
    """Return the model and the head that the path of a request names, or the default ones."""
    names = request.path_params
    return service.model(names.get("model"), ("path", "model")), names.get("head")


def _entity_key(service: Service, model: ServedModel, head: str | None) -> Key:
    key = service.key(model, head)
    if model.segments(key.head):
        message = f'head "{key.head}" predicts words, Label Studio shows entities'
        raise refusal(422, ("path", "head"), message, "segmentation")
    return key
