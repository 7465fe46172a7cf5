"""What vLLM's own processes must do so that a request can go on after their predecessors' death. Imports vLLM.

vLLM loads it in each of its processes (`vllm_plugin.py`). A request that has told tokens already brings them in its
`SamplingParams.extra_args`, and becomes what vLLM knows well: a request that was preempted, with outputs of its own,
that are read again and not sampled. So its penalties, `bad_words`, `min_tokens` and `max_tokens` count them, and
nothing is lowered or applied twice. Three things a preempted request would still have, and that are made here: outputs
in the engine core and (on model runner V1) in the workers, a grammar that has accepted them, and random numbers that
were drawn. Model runner V2 keys its random numbers by position.

Requests that bring nothing cost one look into a dictionary each, and nothing per step.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from vllm.sampling_params import SamplingParams, SamplingType
from vllm.v1.request import Request
from vllm.v1.structured_output import StructuredOutputManager
from vllm.v1.structured_output.backend_types import StructuredOutputGrammar
from vllm.v1.worker.gpu_input_batch import CachedRequestState

from service.engine.vllm_resume_draws import RewindableGenerator

EMITTED: Final = "tidegate_emitted"
"""Key of the told tokens' ids in `SamplingParams.extra_args`."""

_INSTALLED: Final = "_tidegate_resumes"


def emitted_of(params: SamplingParams | None) -> list[int]:
    """Ids of the tokens that a request has told already; empty for most."""
    if params is None or params.extra_args is None:
        return []
    emitted: list[int] = params.extra_args.get(EMITTED, [])
    return emitted


def installed() -> bool:
    """Whether vLLM has loaded this plugin into this process, and so loads it into its others."""
    return hasattr(Request, _INSTALLED)


def install() -> None:
    """Teach vLLM's classes in this process. Idempotent."""
    if installed():
        return
    setattr(Request, _INSTALLED, True)
    Request.from_engine_core_request = staticmethod(_with_outputs(Request.from_engine_core_request))
    StructuredOutputManager._create_grammar = _caught_up(StructuredOutputManager._create_grammar)
    CachedRequestState.__post_init__ = _with_worker_state(CachedRequestState.__post_init__)


def _with_outputs(make: Callable[..., Request]) -> Callable[..., Request]:
    def from_engine_core_request(*arguments: Any, **named: Any) -> Request:
        request = make(*arguments, **named)
        if emitted := emitted_of(request.sampling_params):
            request.append_output_token_ids(emitted)
            # They are of the prompt alone; the scheduler asserts that no more than the prompt was cached.
            request.prefill_stats = None
        return request

    return from_engine_core_request


def _caught_up(create: Callable[..., StructuredOutputGrammar]) -> Callable[..., StructuredOutputGrammar]:
    def create_grammar(manager: StructuredOutputManager, request: Request) -> StructuredOutputGrammar:
        grammar = create(manager, request)
        if emitted := emitted_of(request.sampling_params):
            catch_up(manager, request, grammar, emitted)
        return grammar

    return create_grammar


class _ToldSoFar:
    """As much of a request as vLLM looks at to see whether its reasoning is over, at one of its earlier tokens."""

    def __init__(self, request: Request) -> None:
        self.structured_output_request = request.structured_output_request
        self.prompt_token_ids = request.prompt_token_ids
        self.all_token_ids = list(request.prompt_token_ids)


def catch_up(
    manager: StructuredOutputManager, request: Request, grammar: StructuredOutputGrammar, emitted: Sequence[int]
) -> None:
    """What `StructuredOutputManager.accept_tokens` did with the tokens when they came, one by one."""
    told = _ToldSoFar(request)
    for token_id in emitted:
        told.all_token_ids.append(token_id)
        start, _ = manager._get_constraint_bounds(told, [token_id], spec_tokens_committed=True)
        if start > 1:
            continue
        told.structured_output_request.reasoning_ended = True
        if not grammar.accept_tokens(request.request_id, [token_id][start:]):
            raise ValueError("The form does not admit the tokens that were told before the engine's death.")


def _with_worker_state(complete: Callable[[CachedRequestState], None]) -> Callable[[CachedRequestState], None]:
    def post_init(state: CachedRequestState) -> None:
        complete(state)
        params = state.sampling_params
        if emitted := emitted_of(params):
            state.output_token_ids = list(emitted)
        if state.generator is None or params is None or params.sampling_type is not SamplingType.RANDOM_SEED:
            return
        if state.generator.device.type == "cpu":
            state.generator = RewindableGenerator(params.seed, lambda: len(state.output_token_ids))

    return post_init
