"""Refusals: a status and what is wrong where, as JSON."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteException

# Tags of the two kinds of bodies, which pydantic puts into the place of an error.
_TAGS = ("texts", "tasks")


class Answer(JSONResponse):
    """JSON in UTF-8; a lone surrogate, which has no UTF-8, is escaped."""

    def render(self, content: Any) -> bytes:
        """See `JSONResponse.render`."""
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        try:
            return text.encode("utf-8")
        except UnicodeEncodeError:
            return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def refusal(
    status: int,
    where: Sequence[str | int],
    message: str,
    reason: str,
    headers: Mapping[str, str] | None = None,
) -> HTTPException:
    """Return the error of a request, with one `{"loc", "msg", "type"}` in its "detail".

    # Parameters

    status : the HTTP status.
    where : the place in the request, such as `["body", "texts", 3]`.
    message : the value found and what is accepted.
    reason : a word for programs, such as "too_large".
    headers : headers of the answer.
    """
    detail = [{"loc": list(where), "msg": message, "type": reason}]
    return HTTPException(status, detail, dict(headers or {}))


async def answer_refused(request: Request, error: Exception) -> Answer:
    """Answer a request that is refused."""
    assert isinstance(error, StarletteException)
    return Answer({"detail": error.detail}, error.status_code, error.headers)


async def answer_invalid(request: Request, error: Exception) -> Answer:
    """Answer a body that is not valid, without repeating the texts in it."""
    assert isinstance(error, RequestValidationError)
    faults = [
        {"loc": _place(fault["loc"]), "msg": fault["msg"], "type": fault["type"]}
        for fault in error.errors()[:20]
    ]
    return Answer({"detail": faults}, 422)


def _place(place: Sequence[Any]) -> list[Any]:
    """Return the place of an error, without the tag of the kind of body."""
    if len(place) > 2 and place[0] == "body" and place[1] in _TAGS:
        return [place[0], *place[2:]]
    if len(place) == 2 and place[0] == "body" and place[1] in _TAGS:
        return ["body"]
    return list(place)
