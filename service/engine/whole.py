"""All deltas of one choice as a single one, for answers that nobody reads piece by piece."""

from collections.abc import Sequence

from service.engine.deltas import Delta


def whole(deltas: Sequence[Delta]) -> Delta:
    """The deltas of one choice, first to last, put together; the last one says how it ended."""
    last = deltas[-1]
    logprobs = [position for delta in deltas for position in delta.logprobs or ()]
    return Delta(
        last.index,
        "".join([delta.text for delta in deltas]),
        [token for delta in deltas for token in delta.token_ids],
        last.finish_reason,
        last.stop_reason,
        logprobs if last.logprobs is not None else None,
        deltas[0].first,
        "".join([delta.reasoning or "" for delta in deltas]) or None,
        [part for delta in deltas for part in delta.tool_calls or ()] or None,
        last.reasoning_tokens,
    )
