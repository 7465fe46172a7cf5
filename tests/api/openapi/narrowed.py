"""The document as it is true for the service under test: with its model, and no tokens that it has not."""

from typing import Any

from service.api.openapi import document
from service.api.schema.token_ids import MAX_TOKEN_ID
from service.engine.simulated_vocabulary import FIRST_WORD
from tests.api.live import MODEL

REQUESTS = ("ChatCompletionRequest", "CompletionRequest", "EmbeddingsRequest", "TokenizeRequest", "DetokenizeRequest")
TOKENS = ("prompt", "input", "tokens")
LAST_TOKEN = FIRST_WORD + 7
"""The default script has eight words."""


def narrowed() -> dict[str, Any]:
    """Without this nearly all requests would be refused for their model."""
    whole = document()
    for name in REQUESTS:
        schema = whole["components"]["schemas"][name]
        for form in schema.get("anyOf", [schema]):
            members = form["properties"]
            optional = "anyOf" in members["model"]
            members["model"] = {"enum": [MODEL, None] if optional else [MODEL]}
            if "function_call" in members:
                # What schemathesis varies one field of at a time must be allowed as a whole, and has no functions.
                members["function_call"]["default"] = "none"
            members |= {name: _known_tokens(member) for name, member in members.items() if name in TOKENS}
    return whole


def streaming() -> dict[str, Any]:
    """The document of nothing but streams."""
    whole = narrowed()
    whole["paths"] = {path: whole["paths"][path] for path in ("/v1/chat/completions", "/v1/completions")}
    for name in ("ChatCompletionRequest", "CompletionRequest"):
        schema = whole["components"]["schemas"][name]
        schema["properties"]["stream"] = {"const": True}
        schema["required"] += ["stream", "stream_options"]
    return whole


def _known_tokens(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_known_tokens(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: LAST_TOKEN if (name, value) == ("maximum", MAX_TOKEN_ID) else _known_tokens(value)
        for name, value in schema.items()
    }
