"""What vLLM's processes do with a resumed request, piece by piece; no engine runs."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from vllm.v1.request import Request

pytestmark = [
    pytest.mark.engine,
    # torch uses its own deprecated interfaces when it is imported.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]

END_OF_REASONING = 99


def request_with(emitted: list[int], **changes: Any) -> "Request":
    """A request as the engine core makes it of what the front end sends."""
    from vllm.sampling_params import SamplingParams
    from vllm.v1.engine import EngineCoreRequest
    from vllm.v1.request import Request

    from service.engine.vllm_resume import go_on_after
    from service.engine.vllm_resume_plugin import install

    install()
    params = SamplingParams(max_tokens=10, **changes)
    go_on_after(params, emitted)
    return Request.from_engine_core_request(
        EngineCoreRequest("a", [1, 2, 3], None, params, None, 0.0, None, None, None), None
    )


def test_told_tokens_are_outputs_not_prompt() -> None:
    request = request_with([7, 8])
    assert (request.num_prompt_tokens, list(request.output_token_ids), request.num_tokens) == (3, [7, 8], 5)


def test_a_request_that_has_told_nothing_is_as_it_was() -> None:
    request = request_with([])
    assert (request.num_tokens, request.prefill_stats is None) == (3, False)


def test_the_plugin_may_be_loaded_twice() -> None:
    from service.engine.vllm_resume_plugin import install

    request_with([])
    install()
    assert list(request_with([7, 8]).output_token_ids) == [7, 8]


def test_a_workers_request_has_the_outputs_and_stands_behind_its_draws() -> None:
    import torch
    from vllm.sampling_params import SamplingParams
    from vllm.v1.worker.gpu_input_batch import CachedRequestState

    def draw(generator: torch.Generator) -> int:
        return int(torch.randint(0, 2**31, (1,), generator=generator, dtype=torch.long).item())

    undisturbed = torch.Generator().manual_seed(5)
    draws = [draw(undisturbed) for _ in range(4)]
    params: SamplingParams = request_with([7, 8], seed=5).sampling_params
    state = CachedRequestState("a", [1, 2, 3], [], params, torch.Generator(), ([],), 0, [])
    assert state.output_token_ids == [7, 8]
    assert draw(state.generator) == draws[2]
    # What vLLM does with the draw of a prompt that it has not read to the end.
    state.generator.set_offset(state.generator.get_offset() - 4)
    assert [draw(state.generator), draw(state.generator)] == draws[2:]


class Accepting:
    """Stands for a grammar: writes down the tokens that it is given."""

    def __init__(self) -> None:
        self.accepted: list[int] = []

    def accept_tokens(self, request_id: str, tokens: list[int]) -> bool:
        self.accepted += tokens
        return 0 not in tokens


class EndsAtToken:
    """Stands for a model's reasoning parser."""

    def is_reasoning_end(self, token_ids: list[int]) -> bool:
        return END_OF_REASONING in token_ids

    def is_reasoning_end_streaming(self, token_ids: list[int], new: list[int]) -> bool:
        return END_OF_REASONING in new


def manager(reasoner: EndsAtToken | None) -> SimpleNamespace:
    """As much of vLLM's StructuredOutputManager as its own bounds need."""
    from vllm.v1.structured_output import StructuredOutputManager

    stand_in = SimpleNamespace(enable_in_reasoning=False, _get_reasoner=lambda request: reasoner)
    stand_in._get_constraint_bounds = StructuredOutputManager._get_constraint_bounds.__get__(stand_in)
    return stand_in


@pytest.mark.parametrize(
    ("reasoner", "emitted", "accepted", "ended"),
    [
        (None, [7, 8], [7, 8], True),
        (EndsAtToken(), [5, 6], [], False),
        (EndsAtToken(), [5, END_OF_REASONING], [], True),
        (EndsAtToken(), [5, END_OF_REASONING, 7, 8], [7, 8], True),
    ],
)
def test_a_grammar_has_accepted_what_followed_the_reasoning(
    reasoner: EndsAtToken | None, emitted: list[int], accepted: list[int], ended: bool
) -> None:
    from vllm.sampling_params import StructuredOutputsParams

    from service.engine.vllm_resume_plugin import catch_up

    request, grammar = request_with(emitted, structured_outputs=StructuredOutputsParams(regex="a")), Accepting()
    catch_up(manager(reasoner), request, grammar, emitted)
    assert grammar.accepted == accepted
    assert bool(request.structured_output_request.reasoning_ended) is ended


def test_a_form_that_does_not_admit_the_told_tokens_fails_the_request() -> None:
    from vllm.sampling_params import StructuredOutputsParams

    from service.engine.vllm_resume_plugin import catch_up

    request = request_with([0], structured_outputs=StructuredOutputsParams(regex="a"))
    with pytest.raises(ValueError, match="told before the engine's death"):
        catch_up(manager(None), request, Accepting(), [0])
