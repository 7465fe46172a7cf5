"""Token ids as callers send them. Whether the vocabulary has them is the engine's to say."""

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from service.api.schema.refusal import RefusalError

MAX_TOKEN_ID: Final = 2**31 - 1
"""Engines keep token ids in 32 bits."""

TokenId = Annotated[int, Field(ge=0, le=MAX_TOKEN_ID)]


def at_most(limit: int) -> BeforeValidator:
    """A limit that is looked at before any of the ids is: pydantic itself would begin with the ids."""

    def check(given: Any) -> Any:
        if isinstance(given, list) and len(given) > limit:
            raise RefusalError(
                "array_above_max_length", f"Expected at most {limit} token ids, but got {len(given)}. Send fewer."
            )
        return given

    return BeforeValidator(check)
