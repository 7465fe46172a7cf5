"""OpenAPI facts of routes that read their own body: FastAPI would parse a declared one a second time."""

from typing import Any

from pydantic import BaseModel


def describes(summary: str, body: type[BaseModel]) -> dict[str, Any]:
    """Keyword arguments for a route decorator: summary, body schema and the responses that every such route has."""
    schema = body.model_json_schema(ref_template=f"#/components/schemas/{body.__name__}/$defs/{{model}}")
    return {
        "summary": summary,
        "response_model": None,
        "openapi_extra": {
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        },
    }
