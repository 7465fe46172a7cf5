"""The guard and its worker with a made-up vocabulary: what passes, what does not, and what it survives."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import psutil
import pytest
import pytest_asyncio

from service.engine.requests import StructuredOutput
from service.engine.vllm_grammar_process import GrammarProcess
from service.errors import InvalidRequestError, OverloadedError
from service.loop_lag import LoopLagMonitor
from tests.grammar_bombs import BOMBS

if TYPE_CHECKING:
    from service.engine.vllm_grammar_guard import GrammarGuard

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    # torch uses its own deprecated interfaces when it is imported.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]

BOMB = StructuredOutput(
    json=json.dumps(BOMBS["8 x 8 x 8 objects of patterns"]["response_format"]["json_schema"]["schema"]),
    param="response_format",
)


def vocabulary() -> bytes:
    """All bytes, as many words as the vocabulary of a small model, and an end."""
    from xgrammar import TokenizerInfo, VocabType

    words = map("".join, itertools.product("aeiouy ", "bcdfglmnrst", "aeiou", "bcdfglmnprst ", "aeiouy "))
    tokens = [*(bytes((i,)) for i in range(256)), *(word.encode() for word in words), b"</s>"]
    return TokenizerInfo(tokens, VocabType.RAW, stop_token_ids=[len(tokens) - 1]).serialize_json().encode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guard() -> AsyncIterator["GrammarGuard"]:
    process = await GrammarProcess.spawn()
    from service.engine.vllm_grammar_guard import GrammarGuard

    await process.introduce(vocabulary())
    running = GrammarGuard(process, vocabulary())
    yield running
    await running.aclose()


def worker() -> psutil.Process:
    """The guard's worker."""
    children = psutil.Process().children()
    return next(each for each in children if "service.engine.vllm_grammar_worker" in each.cmdline())


@pytest.mark.parametrize(
    "wanted",
    [
        StructuredOutput(json_object=True),
        StructuredOutput(json='{"type":"object","properties":{"a":{"type":"integer"}}}'),
        StructuredOutput(regex="[a-z]+"),
        StructuredOutput(choice=['an "ebb"', "flood\n", "a\\b"]),
        StructuredOutput(grammar='root ::= expr\nexpr ::= term ("+" term)*\nterm ::= [0-9] | "(" expr ")"'),
        StructuredOutput(grammar='start: "a" start | "b"'),
        StructuredOutput(structural_tag='{"type":"structural_tag","format":{"type":"const_string","value":"a"}}'),
    ],
)
async def test_what_is_light_passes(guard: "GrammarGuard", wanted: StructuredOutput) -> None:
    await guard.check(wanted)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (StructuredOutput(regex="(a"), "parenthesis is not closed"),
        (StructuredOutput(grammar="root ::= nowhere"), "not defined"),
        (StructuredOutput(grammar='root ::= root "a" | "a"'), "may begin with itself"),
        (StructuredOutput(grammar='root ::= "a" root root | ""'), "so many ways"),
        (StructuredOutput(json='{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}}'), "no text"),
        (StructuredOutput(json='{"type":"integer","multipleOf":3}'), "'multipleOf'"),
    ],
)
async def test_what_is_wrong_is_told(guard: "GrammarGuard", wanted: StructuredOutput, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words) as refused:
        await guard.check(wanted)
    assert (refused.value.code, refused.value.param) == ("invalid_json_schema", "structured_outputs")


async def test_a_bomb_is_refused_in_time_and_leaves_no_process(guard: "GrammarGuard") -> None:
    began = time.monotonic()
    with pytest.raises((InvalidRequestError, OverloadedError)) as refused:
        await guard.check(BOMB)
    assert time.monotonic() - began < 1.5
    # A machine too busy to find out says so.
    assert isinstance(refused.value, OverloadedError) or "too long to compile" in refused.value.message
    assert refused.value.param == "response_format"
    assert worker().children() == []


async def test_a_light_form_waits_for_the_bomb_before_it(guard: "GrammarGuard") -> None:
    bomb, light = StructuredOutput(json=(BOMB.json or "").replace("50", "60")), StructuredOutput(regex="b+")
    results = await asyncio.gather(guard.check(bomb), guard.check(light), return_exceptions=True)
    # A machine too busy to give either of them its turn says so.
    assert isinstance(results[0], (InvalidRequestError, OverloadedError))
    assert results[1] is None or isinstance(results[1], OverloadedError)


async def test_a_caller_that_goes_away_disturbs_nobody(guard: "GrammarGuard") -> None:
    gone = asyncio.create_task(guard.check(StructuredOutput(regex="gone+")))
    await asyncio.sleep(0)
    gone.cancel()
    await guard.check(StructuredOutput(regex="stays+"))
    with pytest.raises(InvalidRequestError, match="not closed"):
        await guard.check(StructuredOutput(regex="(stays"))


async def test_many_that_ask_for_the_same_wait_for_one_answer(guard: "GrammarGuard") -> None:
    same = StructuredOutput(regex="the same [a-z]+")
    await asyncio.gather(*(guard.check(same) for _ in range(200)))


@pytest.mark.parametrize("lengths", [{"maxLength": 100}, {"minLength": 1, "maxLength": 255}, {"maxLength": 5000}])
async def test_honest_lengths_pass_in_several_members(guard: "GrammarGuard", lengths: dict[str, int]) -> None:
    members = {name: {"type": "string", **lengths} for name in "abcde"}
    schema = {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}
    await guard.check(StructuredOutput(json=json.dumps(schema)))


async def test_the_loop_goes_on_while_bombs_fly(guard: "GrammarGuard") -> None:
    # By the thread's own clock: what others on this machine take is no stall of ours.
    lag = LoopLagMonitor(lambda seconds: None, interval=0, clock=time.thread_time)
    lag.start()
    bombs = [StructuredOutput(json=(BOMB.json or "").replace("50", str(number))) for number in range(70, 90)]
    results = await asyncio.gather(*(guard.check(bomb) for bomb in bombs), return_exceptions=True)
    lag.stop()
    assert {type(each) for each in results} <= {InvalidRequestError, OverloadedError}
    assert lag.max_seconds < 0.1


async def test_a_killed_worker_is_replaced_and_meanwhile_the_answer_is_503(guard: "GrammarGuard") -> None:
    first = worker()
    first.kill()
    with pytest.raises(OverloadedError):
        await guard.check(StructuredOutput(regex="after+"))
    async with asyncio.timeout(30):
        while True:
            try:
                await guard.check(StructuredOutput(regex="after+"))
            except OverloadedError:
                await asyncio.sleep(0.1)
            else:
                break
    assert worker().pid != first.pid
