"""The description of the interface (OpenAPI 3.1), made from the table of routes and its models."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from billiards_trainer import __version__
from billiards_trainer.api.problem import MEDIA_TYPE, ProblemDetails
from billiards_trainer.api.route import Route

Schema = dict[str, Any]
_Mode = Literal["validation", "serialization"]
_References = Mapping[Any, Schema]
"""Of (model, mode) to the place of its schema."""


def describe(routes: Sequence[Route]) -> Schema:
    """The document as plain data."""
    wanted: list[tuple[type[BaseModel], _Mode]] = [(ProblemDetails, "serialization")]
    for route in routes:
        if isinstance(route.answer, type):
            wanted.append((route.answer, "serialization"))
        wanted += [(model, "validation") for model in (route.body, route.query) if model]
    references, definitions = models_json_schema(
        list(dict.fromkeys(wanted)), ref_template="#/components/schemas/{model}"
    )
    schemas: dict[str, Schema] = dict(sorted(definitions.get("$defs", {}).items()))
    paths: dict[str, Schema] = {}
    for route in routes:
        operation = _operation(route, references, schemas)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Billiards Trainer",
            "version": __version__,
            "description": "SI units throughout. Live data carries `age_ms`; the socket at /ws "
            "sends the same messages as they come. Errors are application/problem+json.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas},
    }


def document(routes: Sequence[Route]) -> bytes:
    """The document as JSON."""
    return json.dumps(describe(routes), separators=(",", ":")).encode()


def _operation(
    route: Route,
    references: _References,
    schemas: dict[str, Schema],
) -> Schema:
    if isinstance(route.answer, type):
        content = {"application/json": {"schema": references[route.answer, "serialization"]}}
    else:
        content = {route.answer: {"schema": {"type": "string", "format": "binary"}}}
    responses: dict[str, Schema] = {"200": {"description": "OK", "content": content}}
    for status, text in route.statuses.items():
        responses[str(status)] = {"description": text, "content": content}
    for status in _problems(route):
        responses[str(status)] = _problem(status, references)
    operation: Schema = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "tags": [route.tag],
        "responses": responses,
    }
    if parameters := _parameters(route, references, schemas):
        operation["parameters"] = parameters
    if route.body is not None:
        reference = references[route.body, "validation"]
        # Answers may gain fields; what is asked for must be known.
        schemas[_name(reference)]["additionalProperties"] = False
        operation["requestBody"] = {
            "required": route.body_required,
            "content": {"application/json": {"schema": reference}},
        }
    return operation


def _problems(route: Route) -> list[int]:
    """Every status with which a route may refuse; 400, 403 and 421 come from the guard."""
    found = {400, 421, *route.problems}
    if route.method not in ("GET", "HEAD"):
        found.add(403)
    if route.body is not None:
        found |= {413, 415, 422}
    if route.query is not None:
        found.add(422)
    return sorted(found - set(route.statuses))


def _problem(status: int, references: _References) -> Schema:
    return {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": references[ProblemDetails, "serialization"]}},
    }


def _parameters(
    route: Route,
    references: _References,
    schemas: dict[str, Schema],
) -> list[Schema]:
    parameters: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    if route.query is None:
        return parameters
    model = schemas[_name(references[route.query, "validation"])]
    for name, schema in model["properties"].items():
        # A query has no null: what is optional is left out.
        options = [s for s in schema.get("anyOf", []) if s.get("type") != "null"]
        kept = {k: v for k, v in schema.items() if k not in ("anyOf", "title", "description")}
        flat = {**options[0], **kept} if options else kept
        if flat.get("default", 0) is None:
            del flat["default"]
        parameter: Schema = {"name": name, "in": "query", "required": False, "schema": flat}
        if "description" in schema:
            parameter["description"] = schema["description"]
        parameters.append(parameter)
    return parameters


def _name(reference: Schema) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _operation_id(route: Route) -> str:
    words = re.findall(r"[A-Za-z0-9]+", route.path.removeprefix("/api/v1"))
    return "_".join([route.method.lower(), *words])
