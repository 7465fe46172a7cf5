"""`ResumingLLM`: an AsyncLLM whose requests may begin with what they have told already. Imports vLLM.

The front end is given the request as it was: prompt, stop strings, limits. Then it reads the told tokens, one by one,
as if the engine core had just made them: so the text, the end of it, and what is held back for a stop string come out
of vLLM's own code as they did the first time. The engine core reads the same request through the plugin
`vllm_resume_plugin`. A choice that had ended is told from here alone.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy
from vllm.outputs import RequestOutput
from vllm.sampling_params import SamplingParams
from vllm.v1.core.sched.utils import check_stop
from vllm.v1.engine import EngineCoreOutput, EngineCoreRequest
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.output_processor import OutputProcessor, RequestOutputCollector
from vllm.v1.metrics.stats import IterationStats
from vllm.v1.outputs import LogprobsLists
from vllm.v1.request import Request

from service.engine.vllm_resume_plugin import EMITTED, emitted_of

LOGPROB_CONTEXT: Final = 4
"""Tokens before it that vLLM looks at to write out one with a log probability: a character has at most four bytes."""


def go_on_after(params: SamplingParams, emitted: Sequence[int]) -> None:
    """Let the request of these parameters, which makes one choice, begin with tokens that it has told already."""
    params.extra_args = {**(params.extra_args or {}), EMITTED: list(emitted)}
    # They were told with the first token.
    params.prompt_logprobs = None


class Replay(RequestOutput):
    """Outputs that are to be read one after the other: parsers that stream make less of a text that comes at once."""

    def __init__(self, pieces: list[RequestOutput]) -> None:
        last = pieces[-1]
        super().__init__(
            request_id=last.request_id,
            prompt=None,
            prompt_token_ids=None,
            prompt_logprobs=None,
            outputs=[],
            finished=last.finished,
        )
        self.pieces = pieces

    def add(self, next_output: RequestOutput, aggregate: bool) -> None:
        """What follows before anybody has read; vLLM would merge it."""
        self.finished |= next_output.finished
        self.pieces.append(next_output)


class ResumingLLM(AsyncLLM):
    """See the module."""

    async def _add_request(
        self,
        request: EngineCoreRequest,
        prompt: str | None,
        parent_req: Any,
        index: int,
        queue: RequestOutputCollector,
    ) -> None:
        if not emitted_of(request.sampling_params):
            await super()._add_request(request, prompt, parent_req, index, queue)
            return
        self.check_admission(request_id=request.request_id)
        self.output_processor.add_request(request, prompt, parent_req, index, queue)
        told = _tell_again(self.output_processor, request, self.model_config.max_model_len)
        queue.put(told)
        if not told.finished:
            await self.engine_core.add_request_async(request)


def _tell_again(processor: OutputProcessor, request: EngineCoreRequest, max_model_len: int) -> Replay:
    """Read the told tokens. The request leaves the processor if it had ended."""
    state = processor.request_states[request.request_id]
    queue, state.queue = state.queue, None  # without a queue the outputs are returned
    # What the engine's statistics say of these tokens is thrown away: they were counted when they were made.
    statistics = IterationStats() if processor.log_stats else None
    told: list[RequestOutput] = []
    for output in _outputs_again(request, max_model_len):
        told += processor.process_outputs([output], 0.0, statistics).request_outputs
    state.queue = queue
    state.is_prefilling = True
    for piece in told:
        for completion in piece.outputs:
            completion.logprobs = None
    return Replay(told)


def _outputs_again(request: EngineCoreRequest, max_model_len: int) -> list[EngineCoreOutput]:
    """What the engine core had said, token by token, but for log probabilities."""
    as_it_was = Request.from_engine_core_request(request, None)
    ended = check_stop(as_it_was, max_model_len)
    outputs = [EngineCoreOutput(request.request_id, [each]) for each in emitted_of(request.sampling_params)]
    if request.sampling_params.num_logprobs is not None:
        for output in outputs[-LOGPROB_CONTEXT:]:
            output.new_logprobs = _unknown_logprob(output.new_token_ids[0])
    if ended:
        outputs[-1].finish_reason = as_it_was.get_finished_reason()
        outputs[-1].stop_reason = as_it_was.stop_reason
    return outputs


def _unknown_logprob(token_id: int) -> LogprobsLists:
    return LogprobsLists(
        numpy.array([[token_id]], numpy.int32), numpy.zeros((1, 1), numpy.float32), numpy.ones(1, numpy.int32)
    )
