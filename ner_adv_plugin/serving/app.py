"""The application: routes of the interface, the page and Label Studio."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from importlib import resources

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from starlette.exceptions import HTTPException

from ner_adv_plugin import __version__
from ner_adv_plugin.serving.annotations import AnnotationFile
from ner_adv_plugin.serving.faults import answer_invalid, answer_refused
from ner_adv_plugin.serving.middleware import Counted, Guarded
from ner_adv_plugin.serving.models import ServedModel
from ner_adv_plugin.serving.routes import label_studio_router, router
from ner_adv_plugin.serving.service import Service
from ner_adv_plugin.serving.settings import ServerSettings


def create_app(models: Sequence[ServedModel], settings: ServerSettings | None = None) -> FastAPI:
    """Return the ASGI application that answers with these models.

    Its `state.service` is the `Service`.

    # Parameters

    models : the models, see `load_models`; the first one is the default.
    settings : see `ServerSettings`; the defaults if None.
    """
    settings = settings or ServerSettings()
    service = Service(models, settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.batcher.close()

    # The pages of FastAPI load scripts from elsewhere; the description itself stays.
    app = FastAPI(
        title="ner_adv_plugin",
        description="Chinese named entity recognition.",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    app.state.annotations = AnnotationFile(settings.annotations) if settings.annotations else None
    app.state.page = resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_refused)
    app.include_router(router)
    app.include_router(label_studio_router)
    app.include_router(label_studio_router, prefix="/label-studio/{model}/{head}")

    # The last one added is the outermost.
    app.add_middleware(Guarded, settings=settings, metrics=service.metrics)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
        )
    app.add_middleware(Counted, metrics=service.metrics)
    return app
