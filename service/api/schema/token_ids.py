"""Token ids as callers send them. Whether the vocabulary has them is the engine's to say."""

from typing import Annotated, Final

from pydantic import Field

MAX_TOKEN_ID: Final = 2**31 - 1
"""Engines keep token ids in 32 bits."""

TokenId = Annotated[int, Field(ge=0, le=MAX_TOKEN_ID)]
