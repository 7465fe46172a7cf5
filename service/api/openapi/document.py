"""`document`: the whole OpenAPI document, as what JSON can say."""

import re
from importlib.metadata import version
from typing import Any, Final

from service.api.openapi.answer_schemas import answer_schemas, reference
from service.api.openapi.error_answers import REQUEST_ID, RETRY_AFTER, Error, references, responses
from service.api.openapi.operations import OPERATIONS, Operation
from service.api.openapi.request_schemas import reference as request_reference
from service.api.openapi.request_schemas import request_schemas

ABOUT: Final = """\
An OpenAI-compatible gateway in front of a vLLM engine.

Every request that this document allows is served, but for what it cannot say. Refused with 400 are also: fields that
contradict each other, as their descriptions say; whole numbers written as decimals, such as 1.0; what the model has no
room, no tokens or no parser for; duplicate names; and schemas, expressions and grammars that are invalid or too heavy.
A `model` that is not served is answered with 404. Bodies may also be sent as any media type that ends in `+json`.

Every path answers HEAD where it answers GET; other methods are answered with 405 and `Allow`, other paths with 404,
each with an error of the same shape.
"""

EVENT_STREAM: Final = "text/event-stream"


def document() -> dict[str, Any]:
    """OpenAPI 3.1. The same for every model and all settings."""
    operations = OPERATIONS.values()
    bodies = [operation.body for operation in operations if operation.body]
    answers = [answer for operation in operations for answer in (operation.answer, operation.event) if answer]
    requests, replies = request_schemas(bodies), answer_schemas([*answers, Error])
    assert not requests.keys() & replies.keys(), "two types of one name"
    errors = {status for operation in operations for status in operation.errors}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tidegate", "version": version("tidegate"), "description": ABOUT},
        "paths": _paths(),
        "components": {
            "schemas": dict(sorted({**requests, **replies}.items())),
            "responses": responses(sorted(errors)),
        },
    }


def _paths() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method.lower()] = _operation(path, operation)
    return paths


def _operation(path: str, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {"operationId": operation.id, "summary": operation.summary}
    if names := re.findall(r"{(\w+)}", path):
        described["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            for name in names
        ]
    if operation.body:
        content = {"application/json": {"schema": request_reference(operation.body)}}
        described["requestBody"] = {"required": True, "content": content}
    described["responses"] = {"200": _answer(operation), **references(operation.errors)}
    if operation.unready:
        unready = _answer(operation)
        described["responses"]["503"] = {**unready, "headers": {**REQUEST_ID, **RETRY_AFTER}}
    return described


def _answer(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": reference(operation.answer)}}
    if operation.event:
        content[EVENT_STREAM] = {"schema": _event(operation)}
    return {"description": operation.answer.__doc__, "headers": dict(REQUEST_ID), "content": content}


def _event(operation: Operation) -> dict[str, Any]:
    # OpenAPI 3.1 does not say what the schema of a stream is about; tools take it for one event of it, as fields.
    assert operation.event
    written = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": {"anyOf": [reference(operation.event), reference(Error)]},
    }
    return {
        "type": "object",
        "description": "One event. The last is `[DONE]`, or an error if the answer broke off.",
        "properties": {"data": {"anyOf": [{"const": "[DONE]"}, written]}},
        "required": ["data"],
    }
