"""What every engine must do with a request that goes on after its predecessor's death: as if nothing had happened.

Each case is generated undisturbed, and then once more from each of several cuts on. Subclasses supply the fixture
`engine`, which must give the same tokens for the same request: a real model in float32.
"""

import asyncio
import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from service.engine.base import Engine
from service.engine.deltas import Delta
from service.engine.prompts import ChatPrompt, Renderable, TextPrompts
from service.engine.requests import ChatOutput, Emitted, GenerationRequest, Sampling, StructuredOutput, ToolUse
from tests.engine.contract import settles_at_zero

_ids = itertools.count()

CHAT = ChatPrompt(messages=[{"role": "user", "content": "What is the capital of France? Tell me all about it."}])
EMOJI = TextPrompts(prompts=["Copy this: " + "🌊海🦀🚀é" * 6 + "\nCopy: 🌊海🦀🚀é"])
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 30},
        "sights": {"type": "array", "items": {"type": "string", "maxLength": 20}, "minItems": 2, "maxItems": 3},
    },
    "required": ["name", "sights"],
}
TOOLS: list[dict[str, Any]] = [{"type": "function", "function": {"name": "describe", "parameters": SCHEMA}}]
CALL = ChatPrompt(messages=[{"role": "user", "content": "Describe Paris."}], tools=TOOLS)
FORCED = ChatOutput(tool_use=ToolUse(tools=TOOLS, choice="required"))


def greedy(**changes: Any) -> Sampling:
    """Always the most likely token, up to 40 of them."""
    return replace(Sampling(max_tokens=40, temperature=0.0, ignore_eos=True), **changes)


CASES: dict[str, tuple[Renderable, Sampling, ChatOutput | None]] = {
    "plain": (CHAT, greedy(), None),
    "ends by itself": (CHAT, greedy(max_tokens=200, ignore_eos=False), None),
    "characters of several tokens": (EMOJI, greedy(), None),
    "presence penalty": (CHAT, greedy(presence_penalty=1.2), None),
    "frequency penalty": (CHAT, greedy(frequency_penalty=1.2), None),
    "repetition penalty": (CHAT, greedy(repetition_penalty=1.2), None),
    "forbidden and biased tokens": (CHAT, greedy(bad_words=["Paris", "France"], logit_bias={260: -3.0}), None),
    "at least 35 tokens": (CHAT, greedy(min_tokens=35, ignore_eos=False), None),
    "JSON schema": (CHAT, greedy(ignore_eos=False, structured=StructuredOutput(json=json.dumps(SCHEMA))), None),
    "regular expression": (
        CHAT,
        greedy(ignore_eos=False, structured=StructuredOutput(regex="([A-Z][a-z]{2,8} ){9}end")),
        None,
    ),
    "forced tool call": (CALL, greedy(max_tokens=80, ignore_eos=False), FORCED),
    "three greedy choices": (CHAT, greedy(n=3), None),
    "seed": (CHAT, greedy(temperature=1.0, seed=11), None),
    "three choices of a seed": (CHAT, greedy(temperature=1.0, seed=11, n=3, max_tokens=60, ignore_eos=False), None),
}


async def read(engine: Engine, request: GenerationRequest) -> list[Delta]:
    """All deltas of one request."""
    async with asyncio.timeout(120):
        return [delta async for ready in engine.generate(request) for delta in ready]


async def asked(engine: Engine, prompt: Renderable, sampling: Sampling, chat: ChatOutput | None) -> GenerationRequest:
    """The request of one case."""
    (rendered,) = await engine.render(prompt)
    return GenerationRequest(id=f"resume-{next(_ids)}", prompt=rendered, sampling=sampling, chat=chat)


def cut_off(request: GenerationRequest, undisturbed: list[Delta], cut: int) -> GenerationRequest:
    """The same request after the death of an engine that had told `cut` tokens of each choice."""
    emitted = []
    for index in range(request.sampling.n):
        deltas = choice(undisturbed, index)
        tokens = [token for delta in deltas for token in delta.token_ids]
        ended = deltas[-1].finish_reason if len(tokens) <= cut else None
        emitted.append(Emitted(token_ids=tokens[:cut], finish_reason=ended))
    return replace(request, id=f"resume-{next(_ids)}", emitted=emitted)


def choice(deltas: list[Delta], index: int = 0) -> list[Delta]:
    """The deltas of one choice."""
    return [delta for delta in deltas if delta.index == index]


def told(deltas: list[Delta], index: int) -> dict[str, Any]:
    """All that the deltas of one choice say in sum, but for log probabilities and the random ids of calls."""
    mine = choice(deltas, index)
    calls: dict[int, tuple[str, str]] = {}
    for part in (part for delta in mine for part in delta.tool_calls or ()):
        name, arguments = calls.get(part.index, ("", ""))
        calls[part.index] = (name + (part.name or ""), arguments + part.arguments)
    return {
        "text": "".join(delta.text for delta in mine),
        "tokens": [token for delta in mine for token in delta.token_ids],
        "end": (mine[-1].finish_reason, mine[-1].stop_reason),
        "ends": sum(delta.finish_reason is not None for delta in mine),
        "reasoning": ("".join(delta.reasoning or "" for delta in mine), mine[-1].reasoning_tokens),
        "calls": calls,
    }


def cuts(undisturbed: list[Delta]) -> list[int]:
    """After how many tokens the engine dies."""
    longest = max(sum(len(delta.token_ids) for delta in choice(undisturbed, i)) for i in range(3))
    return sorted({cut for cut in (1, 2, 7, 16, 33, longest - 1) if 0 < cut < longest})


async def check(engine: Engine, request: GenerationRequest, at: Sequence[int] = ()) -> list[Delta]:
    """Cut the request off at each place, go on, and compare. Returns the undisturbed deltas."""
    undisturbed = await read(engine, request)
    places = at or cuts(undisturbed)
    resumptions = await asyncio.gather(*(read(engine, cut_off(request, undisturbed, cut)) for cut in places))
    for cut, resumed in zip(places, resumptions, strict=True):
        for index in range(request.sampling.n):
            assert told(resumed, index) == told(undisturbed, index), f"cut at {cut}"
    return undisturbed


class ResumeContract:
    """The suite."""

    @pytest.mark.parametrize("name", CASES)
    async def test_a_cut_leaves_no_trace(self, engine: Engine, name: str) -> None:
        await check(engine, await asked(engine, *CASES[name]))

    @pytest.mark.parametrize("include", [False, True])
    async def test_a_stop_string_may_straddle_the_cut(self, engine: Engine, include: bool) -> None:
        request = await asked(engine, CHAT, greedy(), None)
        pieces = [delta.text for delta in await read(engine, request)]
        stop = pieces[20][-2:] + pieces[21] + pieces[22][:2]
        sampling = greedy(stop=[stop], include_stop_str_in_output=include)
        undisturbed = await check(engine, replace(request, id="straddled", sampling=sampling), (20, 21, 22))
        assert undisturbed[-1].stop_reason == stop

    async def test_logprobs_after_the_cut_are_what_they_would_have_been(self, engine: Engine) -> None:
        request = await asked(engine, EMOJI, greedy(logprobs=3), None)
        undisturbed = await read(engine, request)
        expected = [position for delta in undisturbed for position in delta.logprobs or ()]
        for cut in cuts(undisturbed):
            resumed = await read(engine, cut_off(request, undisturbed, cut))
            positions = [position for delta in resumed for position in delta.logprobs or ()]
            assert [each.chosen.token for each in positions] == [each.chosen.token for each in expected[cut:]]
            found, wanted = ([top.logprob for each in both for top in each.top] for both in (positions, expected[cut:]))
            assert found == pytest.approx(wanted, abs=1e-3)

    async def test_a_choice_that_had_ended_is_told_again_with_its_end(self, engine: Engine) -> None:
        sampling = greedy(n=3, temperature=1.0, seed=3, max_tokens=60, ignore_eos=False)
        request = await asked(engine, CHAT, sampling, None)
        undisturbed = await read(engine, request)
        ended = Emitted(token_ids=told(undisturbed, 0)["tokens"], finish_reason=told(undisturbed, 0)["end"][0])
        others = [Emitted(token_ids=told(undisturbed, index)["tokens"][:cut]) for index, cut in ((1, 5), (2, 0))]
        resumed = await read(engine, replace(request, id="one-ended", emitted=[ended, *others]))
        assert [told(resumed, index) for index in range(3)] == [told(undisturbed, index) for index in range(3)]

    @pytest.mark.parametrize("stop", ["text", "token"])
    async def test_all_choices_may_have_ended(self, engine: Engine, stop: str) -> None:
        request = await asked(engine, CHAT, greedy(), None)
        deltas = await read(engine, request)
        changes = {"stop": [deltas[9].text[-3:]]} if stop == "text" else {"stop_token_ids": deltas[9].token_ids}
        request = replace(request, id=f"all-ended-{stop}", sampling=greedy(**changes))
        undisturbed = await check(engine, request, (40,))
        assert undisturbed[-1].finish_reason == "stop"

    async def test_a_resumed_request_can_be_cut_off_again(self, engine: Engine) -> None:
        request = await asked(engine, CHAT, greedy(temperature=1.0, seed=5, frequency_penalty=0.5), None)
        undisturbed = await read(engine, request)
        resumed = await read(engine, cut_off(request, undisturbed, 9))
        again = await read(engine, cut_off(request, resumed, 25))
        assert told(again, 0) == told(undisturbed, 0)

    async def test_a_resumed_request_can_be_closed(self, engine: Engine) -> None:
        sampling = greedy(n=3, temperature=1.0, max_tokens=4000)
        request = await asked(engine, CHAT, sampling, None)
        stream = engine.generate(replace(request, emitted=[Emitted(token_ids=[260, 261])] * 3))
        await anext(stream)
        await stream.aclose()
        await settles_at_zero(engine)
