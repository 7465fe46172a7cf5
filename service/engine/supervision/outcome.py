"""How requests end that an engine's death has ended."""

from typing import Final

from service.errors import EngineUnavailableError, InternalError

DEATHS_SURVIVED: Final = 1
"""A request in hand at one more death than this is taken for the cause of it."""


def killed_twice() -> InternalError:
    """It is taken for the cause."""
    return InternalError(
        "The engine died twice while it had this request in hand; it will not be tried again.",
        code="engine_killed_twice",
    )


def not_resumable(why: str) -> InternalError:
    """It has told something, and this engine cannot go on from there. `why` is a sentence."""
    return InternalError(
        f"The engine died in the middle of this answer. {why} Send the request again.", code="not_resumable"
    )


def told_otherwise() -> InternalError:
    """The next engine did not tell the same again, so nothing that follows would belong to what was told."""
    return InternalError(
        "The engine died in the middle of this answer, and the next one did not give the same answer again. Send the "
        "request again.",
        code="not_continued",
    )


def not_back_in_time(limit_seconds: float) -> EngineUnavailableError:
    """It has waited long enough."""
    return EngineUnavailableError(
        f"The engine died and was not back within {limit_seconds:g} s. Send the request again.", retry_after=30
    )
