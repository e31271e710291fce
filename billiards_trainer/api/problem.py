"""Errors as ``application/problem+json`` (RFC 9457): one clear sentence, never a stack trace."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

MEDIA_TYPE = "application/problem+json"
_SAID_SHORTER = {"extra_forbidden": "unknown key", "missing": "is missing"}


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="dotted path; empty for the whole")
    detail: str


class ProblemDetails(BaseModel):
    """The body of every answer that is an error."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []


class Problem(Exception):
    """Ends a request with an error; ``detail`` is one sentence for people."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: list[FieldProblem] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors or []
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        """The answer."""
        body = ProblemDetails(
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            errors=self.errors,
        )
        return web.Response(
            body=body.model_dump_json().encode(),
            status=self.status,
            headers=self.headers,
            content_type=MEDIA_TYPE,
        )


def unavailable(detail: str) -> Problem:
    """503: what is needed does not run; may be asked again."""
    return Problem(503, detail, headers={"Retry-After": "1"})


def of_validation(error: ValidationError) -> Problem:
    """400 for what is no JSON, 422 naming every field that is wrong."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    errors = [
        FieldProblem(
            field=".".join(str(part) for part in item["loc"]),
            detail=_SAID_SHORTER.get(item["type"], item["msg"].removeprefix("Value error, ")),
        )
        for item in found[:20]
    ]
    first = errors[0]
    sentence = f"{first.field}: {first.detail}" if first.field else first.detail
    status = 400 if found[0]["type"] == "json_invalid" else 422
    return Problem(status, sentence, errors=errors)


def of_http(error: web.HTTPException) -> Problem:
    """Refusals of the web library: unknown path, wrong method, body too large."""
    keep = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
    return Problem(error.status, (error.text or error.reason).partition("\n")[0], headers=keep)
