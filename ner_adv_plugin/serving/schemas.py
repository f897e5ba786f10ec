"""The JSON of requests and answers."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag


class PredictRequest(BaseModel):
    """Texts to predict."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"texts": ["魏勇在深圳工作。"]}}
    )

    texts: list[str] = Field(description="The texts, uncut.")
    model: str | None = Field(None, description="Name of the model; by default the first one.")
    head: str | None = Field(None, description="Name of the head; by default the model's.")
    n_best: int | None = Field(None, ge=1, description="Number of readings to return.")


class Task(BaseModel):
    """A task of Label Studio."""

    model_config = ConfigDict(extra="allow")

    data: dict[str, Any]
    id: Any = None


class TasksRequest(BaseModel):
    """Label Studio's request for predictions of tasks."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    tasks: list[Task]
    label_config: str
    project: Any = None
    model_version: Any = None
    params: dict[str, Any] | None = None


class SetupRequest(BaseModel):
    """Label Studio's request when a project is connected."""

    model_config = ConfigDict(extra="allow", populate_by_name=True, protected_namespaces=())

    label_config: str = Field(alias="schema", description="The labeling configuration, in XML.")
    project: Any = None
    extra_params: Any = None


class WebhookEvent(BaseModel):
    """An event of Label Studio."""

    model_config = ConfigDict(extra="allow")

    action: str
    project: dict[str, Any] = Field(default_factory=dict)
    task: dict[str, Any] | None = None
    annotation: dict[str, Any] | None = None
    annotations: list[dict[str, Any]] | None = None


def _which(body: Any) -> str:
    return "tasks" if isinstance(body, dict) and "tasks" in body else "texts"


# Both kinds of requests have the same path, as Label Studio chooses it.
PredictBody = Annotated[
    Annotated[PredictRequest, Tag("texts")] | Annotated[TasksRequest, Tag("tasks")],
    Discriminator(_which),
]


class Word(BaseModel):
    """A word of a segmentation head; positions count characters (code points)."""

    start: int
    end: int = Field(description="Position after the last character.")
    text: str


class Entity(Word):
    """An entity."""

    type: str
    score: float | None = Field(description="Probability of exactly this entity.")


class ReadingAnswer(BaseModel):
    """One of the best readings of a text."""

    probability: float
    entities: list[Entity] | None = None
    words: list[Word] | None = None


class TextAnswer(BaseModel):
    """The prediction for one text."""

    text: str
    entities: list[Entity] | None = Field(None, description="Missing for segmentation heads.")
    words: list[Word] | None = Field(None, description="Of segmentation heads only.")
    n_best: list[ReadingAnswer] | None = Field(None, description="With n_best only.")


class PredictAnswer(BaseModel):
    """The predictions for the texts, in their order."""

    model: str
    head: str
    results: list[TextAnswer]


class LabelStudioAnswer(BaseModel):
    """The predictions for tasks of Label Studio, in their order."""

    results: list[dict[str, Any]]


class Fault(BaseModel):
    """What is wrong, and where."""

    loc: list[str | int]
    msg: str
    type: str


class Faults(BaseModel):
    """The answer to a request that is refused."""

    detail: list[Fault]
