"""The seam's terms into vLLM's and back: sampling parameters, deltas, errors. Imports vLLM."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import asdict, replace
from vllm.exceptions import GracefulHTTPError, VLLMClientError
from vllm.logprobs import Logprob
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams, StructuredOutputsParams
from vllm.tokenizers import TokenizerLike
from vllm.v1.engine.exceptions import EngineDeadError

from service.engine.deltas import Delta, FirstDelta, PositionLogprobs, TokenLogprob
from service.engine.ended import ended_by_engine
from service.engine.requests import GenerationRequest, Sampling, StructuredOutput
from service.engine.vllm_resume import Replay
from service.errors import (
    EngineDiedError,
    InternalError,
    InvalidRequestError,
    OverloadedError,
    TidegateError,
)

GREEDY_BELOW: Final = 1e-5
"""Temperatures below are greedy to vLLM (`_SAMPLING_EPS`)."""


def sampling_params(sampling: Sampling, *, whole: bool) -> SamplingParams:
    """vLLM's parameters for one request, for deltas or all at once. The names are the same on both sides."""
    return SamplingParams(
        n=sampling.n if distinct_choices(sampling) else 1,
        max_tokens=sampling.max_tokens,
        min_tokens=sampling.min_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=sampling.top_k,
        min_p=sampling.min_p,
        seed=sampling.seed,
        presence_penalty=sampling.presence_penalty,
        frequency_penalty=sampling.frequency_penalty,
        repetition_penalty=sampling.repetition_penalty,
        stop=sampling.stop,
        stop_token_ids=sampling.stop_token_ids,
        bad_words=sampling.bad_words,
        include_stop_str_in_output=sampling.include_stop_str_in_output,
        ignore_eos=sampling.ignore_eos,
        logprobs=sampling.logprobs,
        prompt_logprobs=sampling.prompt_logprobs,
        logit_bias=sampling.logit_bias,
        allowed_token_ids=sampling.allowed_token_ids,
        structured_outputs=_structured_outputs(sampling.structured),
        skip_special_tokens=sampling.skip_special_tokens,
        spaces_between_special_tokens=sampling.spaces_between_special_tokens,
        output_kind=RequestOutputKind.FINAL_ONLY if whole else RequestOutputKind.DELTA,
    )


def _structured_outputs(wanted: StructuredOutput | None) -> StructuredOutputsParams | None:
    if wanted is None:
        return None
    return StructuredOutputsParams(**{name: form for name, form in asdict(wanted).items() if name != "param"})


def distinct_choices(sampling: Sampling) -> bool:
    """False where all choices must come out the same: greedy ones, of which vLLM refuses to make more than one."""
    return sampling.temperature >= GREEDY_BELOW


class DeltaReader:
    """Turns the outputs of one request into deltas. Greedy choices are made once and told `n` times."""

    def __init__(self, request: GenerationRequest, tokenizer: TokenizerLike | None) -> None:
        self.finished = False
        self._request = request
        self._tokenizer = tokenizer
        self._copies = 1 if distinct_choices(request.sampling) else request.sampling.n
        self._is_first = True
        # vLLM sends prompt log probabilities with the first output that it makes, before or with the first token.
        self._prompt_logprobs: list[PositionLogprobs | None] | None = None

    def read(self, output: RequestOutput) -> list[Delta]:
        """One delta per choice that moved; usually one."""
        self.finished = output.finished
        if output.prompt_logprobs and self._prompt_logprobs is None:
            scored = zip(self._request.prompt.token_ids, output.prompt_logprobs, strict=False)
            top = self._request.sampling.prompt_logprobs or 0
            self._prompt_logprobs = [None if at is None else self._position(at, token, top) for token, at in scored]
        deltas = [self._delta(output, completion) for completion in output.outputs]
        if self._copies > 1:
            copies = range(1, self._copies)
            deltas += [replace(delta, index=index, first=None) for delta in deltas for index in copies]
        return deltas

    def read_replay(self, replay: Replay) -> list[Delta]:
        """One delta per choice and token that is told again."""
        return [delta for piece in replay.pieces for delta in self.read(piece)]

    def _delta(self, output: RequestOutput, completion: CompletionOutput) -> Delta:
        first = None
        if self._is_first:
            self._is_first = False
            first = self._first(output)
        reason = completion.finish_reason
        if reason == "abort":  # not by us: nobody would be reading this any more
            raise EngineDiedError("The engine is being stopped. Try again later.")
        if reason is not None and reason not in ("stop", "length"):
            raise ended_by_engine(self._request, reason)
        return Delta(
            completion.index,
            completion.text,
            list(completion.token_ids),
            reason,
            completion.stop_reason,
            self._logprobs(completion),
            first,
        )

    def _first(self, output: RequestOutput) -> FirstDelta:
        queued = None
        if (stats := output.metrics) is not None and stats.scheduled_ts and stats.queued_ts:
            queued = stats.scheduled_ts - stats.queued_ts
        return FirstDelta(output.num_cached_tokens or 0, queued, self._prompt_logprobs)

    def _logprobs(self, completion: CompletionOutput) -> list[PositionLogprobs] | None:
        positions: Sequence[Mapping[int, Logprob]] | None = completion.logprobs
        top = self._request.sampling.logprobs
        if top is None or positions is None:  # not asked for, or told again
            return None
        return [self._position(at, token, top) for token, at in zip(completion.token_ids, positions, strict=True)]

    def _position(self, at: Mapping[int, Logprob], token_id: int, top: int) -> PositionLogprobs:
        best = sorted(at.items(), key=lambda entry: entry[1].rank or len(at))[:top]
        return PositionLogprobs(self._scored(token_id, at[token_id]), [self._scored(*entry) for entry in best])

    def _scored(self, token_id: int, scored: Logprob) -> TokenLogprob:
        token = scored.decoded_token
        if token is None:
            token = self._tokenizer.decode([token_id]) if self._tokenizer is not None else ""
        # JSON has no -Infinity; OpenAI's own floor for "practically never" is -9999.
        return TokenLogprob(token, token_id, max(scored.logprob, -9999.0))


def translate(error: Exception) -> TidegateError:
    """Our error for one of vLLM's."""
    match error:
        case EngineDeadError():
            return EngineDiedError("The engine has died. Try again later.")
        case GracefulHTTPError():
            return OverloadedError("The engine's queue is full. Try again later.")
        case VLLMClientError() | ValueError():
            message = error.args[0] if error.args else str(error)
            return InvalidRequestError(str(message), param=getattr(error, "parameter", None), code="invalid_value")
        case _:
            return InternalError("The engine failed on this request; the server's log says why.")
