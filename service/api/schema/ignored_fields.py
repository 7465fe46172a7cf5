"""Fields of OpenAI's requests that are accepted and checked but have no effect here."""

from typing import Any, Literal

from pydantic import Field

from service.api.schema.entries import Metadata
from service.api.schema.wire_model import WireModel


class IgnoredFields(WireModel):
    """None of these changes what is generated."""

    user: str = Field(default="", description="Your name for the end user; no effect.")
    metadata: Metadata | None = Field(default=None, description="Up to 16 pairs of strings; no effect.")
    store: bool | None = Field(default=None, description="No effect: nothing is stored.")
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast"] | None = Field(
        default=None, description="No effect: there is one tier."
    )
    safety_identifier: str | None = Field(default=None, description="No effect.")
    prompt_cache_key: str | None = Field(default=None, description="No effect: prefixes are cached by content.")
    prompt_cache_retention: Literal["in_memory", "24h"] | None = Field(default=None, description="No effect.")
    prompt_cache_options: dict[str, Any] = Field(default={}, description="No effect.")
    prediction: dict[str, Any] | None = Field(default=None, description="No effect.")
    verbosity: Literal["low", "medium", "high"] | None = Field(default=None, description="No effect.")
