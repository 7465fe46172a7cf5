"""`ended_by_engine`: the error for a request that the engine ended for a reason of its own."""

from typing import Final

from service.engine.requests import GenerationRequest
from service.errors import InternalError, InvalidRequestError, TidegateError

FORM_NOT_KEPT: Final = "error"
"""vLLM's reason where the drawn token is none that the form allows. It draws such a token only if it has no other."""


def ended_by_engine(request: GenerationRequest, reason: str) -> TidegateError:
    """The caller's error if they asked for a form and took from it what it needs, else ours."""
    sampling = request.sampling
    has_form = sampling.structured is not None or (request.chat is not None and request.chat.tool_use is not None)
    taker = "bad_words" if sampling.bad_words else "min_tokens" if sampling.min_tokens else None
    if reason == FORM_NOT_KEPT and has_form and taker is not None:
        return InvalidRequestError(
            f"Invalid '{taker}': it left no token that the form of the answer allows. Leave one of them out.",
            param=taker,
        )
    return InternalError(f"The engine ended this request with '{reason}'.", code="generation_failed")
