"""Structured outputs of the real model, judged by the official client; and forms that must never reach the engine."""

import concurrent.futures
import itertools
import json
import os
import re
import statistics
import threading
import time
from enum import StrEnum
from typing import Any, Literal

import httpx
import openai
import psutil
import pytest
from pydantic import BaseModel, Field

from service.models.bundled import BUNDLED as MODEL
from tests import grammar_bombs
from tests.grammar_bombs import BOMBS
from tests.service_process import ServiceProcess

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

QUESTION = [{"role": "user", "content": "Invent a harbour, with its boats, as JSON."}]
CANARY = {"temperature": 0, "max_tokens": 4}
ANSWERS = int(os.environ.get("SCHEMA_BOUND_ANSWERS", "25"))


class Kind(StrEnum):
    SAIL = "sail"
    STEAM = "steam"


class Boat(BaseModel):
    name: str = Field(pattern="^[A-Z][a-z]{2,9}$")
    kind: Kind
    crew: int = Field(ge=1, le=40)


class Harbour(BaseModel):
    name: str = Field(pattern="^[A-Z][a-z]{2,9}$")
    tide: Literal["ebb", "flood"]
    open: bool
    depth: float | None
    boats: list[Boat] = Field(min_length=1, max_length=2)


STRICT = {
    "type": "json_schema",
    "json_schema": {
        "name": "tide",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"tide": {"enum": ["ebb", "flood"]}, "metres": {"type": "integer"}},
            "required": ["tide", "metres"],
            "additionalProperties": False,
        },
    },
}


def say(client: openai.OpenAI, *, stream: bool = False, **asked: Any) -> str:
    """The text of an answer."""
    answer = client.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=200, stream=stream, **asked)
    if not stream:
        return answer.choices[0].message.content or ""
    return "".join(chunk.choices[0].delta.content or "" for chunk in answer)


def test_pydantic_models_are_parsed_by_the_official_client(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(
        model=MODEL, messages=QUESTION, response_format=Harbour, max_tokens=300, temperature=0
    )
    assert isinstance(answer.choices[0].message.parsed, Harbour)
    assert answer.choices[0].finish_reason == "stop"


def test_pydantic_models_are_parsed_out_of_a_stream(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model=MODEL, messages=QUESTION, response_format=Harbour, max_tokens=300, temperature=0
    ) as stream:
        events = [event.type for event in stream]
        answer = stream.get_final_completion()
    assert isinstance(answer.choices[0].message.parsed, Harbour)
    assert events.count("content.delta") > 5


@pytest.mark.parametrize("stream", [False, True])
def test_a_strict_schema_gives_its_members_in_order_and_no_white_space(client: openai.OpenAI, stream: bool) -> None:
    text = say(client, stream=stream, response_format=STRICT, temperature=1.0)
    assert list(json.loads(text)) == ["tide", "metres"]
    assert re.fullmatch(r'\{"tide": ?"(ebb|flood)", ?"metres": ?-?\d+\}', text)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ({"regex": "[A-Z][a-z]{2,8} at [0-2][0-9]:[0-5][0-9]"}, "[A-Z][a-z]{2,8} at [0-2][0-9]:[0-5][0-9]"),
        ({"choice": ["ebb", 'flood "high"', "slack\n"]}, 'ebb|flood "high"|slack\n'),
        ({"grammar": 'root ::= tide " at " hour\ntide ::= "ebb" | "flood"\nhour ::= [0-9]'}, "(ebb|flood) at [0-9]"),
        ({"json": {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 2}}, r"\[\w+, ?\w+\]"),
    ],
)
def test_vllms_forms_are_kept(client: openai.OpenAI, form: dict[str, Any], pattern: str, stream: bool) -> None:
    assert re.fullmatch(pattern, say(client, stream=stream, extra_body={"structured_outputs": form}))


@pytest.mark.parametrize("stream", [False, True])
def test_any_json_object(client: openai.OpenAI, stream: bool) -> None:
    answer = client.chat.completions.create(
        model=MODEL,
        messages=QUESTION,
        response_format={"type": "json_object"},
        max_tokens=100,
        temperature=0,
        stream=stream,
    )
    chunks = list(answer) if stream else [answer]
    text = "".join(
        (chunk.choices[0].delta.content if stream else chunk.choices[0].message.content) or "" for chunk in chunks
    )
    assert text.startswith("{") and not re.search(r"\s{3}", text)
    if chunks[-1].choices[0].finish_reason == "stop":
        assert isinstance(json.loads(text), dict)


def test_completions_have_forms_too(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model=MODEL,
        prompt=["The tide is at", "And then at"],
        n=2,
        extra_body={"structured_outputs": {"regex": " [0-9]{2}:[0-9]{2}"}},
    )
    assert [bool(re.fullmatch(r" \d\d:\d\d", choice.text)) for choice in answer.choices] == [True] * 4


def test_schema_bound_answers_parse_and_validate(client: openai.OpenAI) -> None:
    valid = 0
    for seed in range(0, ANSWERS, 25):
        answer = client.chat.completions.parse(
            model=MODEL, messages=QUESTION, response_format=Harbour, n=25, seed=seed, temperature=1.0, max_tokens=200
        )
        valid += sum(isinstance(choice.message.parsed, Harbour) for choice in answer.choices)
    print(f"{valid} of {ANSWERS} answers validate")
    assert valid == ANSWERS


def engine_processes(service: ServiceProcess) -> set[int]:
    """Everything below the gateway, without what is there for a moment only."""
    return {each.pid for each in psutil.Process(service.pid).children(recursive=True)}


def ask(service: ServiceProcess, fields: dict[str, Any]) -> tuple[httpx.Response, float]:
    """The answer to a bomb, and the seconds it took."""
    body = {"model": MODEL, "messages": QUESTION, "max_tokens": 16, **fields}
    began = time.monotonic()
    response = httpx.post(service.url + "/v1/chat/completions", json=body, timeout=30)
    return response, time.monotonic() - began


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_within_a_second_and_hurts_nobody(service: ServiceProcess, name: str) -> None:
    before = engine_processes(service)
    response, seconds = ask(service, BOMBS[name])
    print(f"{name}: {response.status_code} in {seconds * 1000:.0f} ms: {response.text[:300]}")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_json_schema")
    assert response.json()["error"]["param"] in ("response_format", "structured_outputs")
    assert seconds < 1.5
    assert engine_processes(service) == before
    assert ask(service, CANARY)[0].status_code == 200


def test_a_bomb_in_a_forced_tool_is_refused_too(service: ServiceProcess) -> None:
    members = {f"k{at}": {"type": "string", "pattern": f".{{1,{40 + at}}}"} for at in range(48)}
    parameters = {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}
    function = {"name": "bomb", "parameters": parameters}
    asked = {"tools": [{"type": "function", "function": function}], "tool_choice": "required"}
    response, seconds = ask(service, asked)
    print(f"{response.status_code} in {seconds * 1000:.0f} ms: {response.text[:300]}")
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, "invalid_json_schema", "tools")
    assert seconds < 1.5


def test_a_bomb_that_comes_again_is_refused_at_once(service: ServiceProcess) -> None:
    bomb = BOMBS["8 x 8 x 8 objects of patterns"]
    ask(service, bomb)
    response, seconds = ask(service, bomb)
    assert response.status_code == 400
    assert seconds < 0.3


def median_gap(client: openai.OpenAI) -> float:
    """Seconds between the tokens of a stream, the median of 150."""
    times = [
        time.monotonic()
        for _ in client.completions.create(
            model=MODEL, prompt="The sea", max_tokens=150, stream=True, extra_body={"ignore_eos": True}
        )
    ]
    return statistics.median(after - before for before, after in itertools.pairwise(times))


def throw_new_bombs(service: ServiceProcess, first: int, stop: threading.Event) -> list[int]:
    """One after the other without a pause, each new, so that no verdict is known. Returns the answers' statuses: some
    are cheap enough to be served."""
    statuses: list[int] = []
    while not stop.is_set():
        schema = {"anyOf": [grammar_bombs.patterns(2, f".{{1,{first + len(statuses)}}}")]}
        statuses.append(ask(service, grammar_bombs.schema(schema))[0].status_code)
    return statuses


def test_the_tokens_of_others_keep_coming_while_bombs_fly(service: ServiceProcess, client: openai.OpenAI) -> None:
    before = median_gap(client)
    stop = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        throwing = [pool.submit(throw_new_bombs, service, first, stop) for first in (50, 300, 600)]
        # What is free after some rest is spent by then.
        time.sleep(5)
        among_bombs = median_gap(client)
        honest = [ask(service, {"structured_outputs": {"regex": f"fair {n}+"}}) for n in range(3)]
        stop.set()
    statuses = [status for each in throwing for status in each.result()]
    # The machine may be busy with something else at either time.
    alone = max(before, median_gap(client))
    print(f"gap alone {alone * 1000:.1f} ms, among {len(statuses)} bombs {among_bombs * 1000:.1f} ms; honest: {honest}")
    assert set(statuses) <= {200, 400, 503}
    assert among_bombs < 2 * alone


def test_honest_lengths_are_kept_and_no_bombs(client: openai.OpenAI) -> None:
    class Report(BaseModel):
        title: str = Field(min_length=1, max_length=20)
        place: str = Field(max_length=200)
        weather: str | None = Field(max_length=200)
        summary: str = Field(max_length=1000)

    answer = client.chat.completions.parse(
        model=MODEL, messages=QUESTION, response_format=Report, n=4, seed=1, max_tokens=900, timeout=120
    )
    finished = [choice for choice in answer.choices if choice.finish_reason == "stop"]
    assert finished and all(isinstance(choice.message.parsed, Report) for choice in finished)


@pytest.mark.parametrize(
    "fields",
    [
        {"allowed_token_ids": [5], "response_format": {"type": "json_object"}},
        {"min_tokens": 16, "structured_outputs": {"choice": ["ebb"]}},
        {"ignore_eos": True, "structured_outputs": {"choice": ["ebb"]}},
        {"logit_bias": {"2": 100}, "structured_outputs": {"choice": ["ebb"]}},
        {"structured_outputs": {"regex": ""}},
        {"structured_outputs": {"choice": [""]}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "any"}}},
    ],
)
def test_odd_company_of_a_form_hurts_nobody(service: ServiceProcess, fields: dict[str, Any]) -> None:
    before = engine_processes(service)
    response, seconds = ask(service, fields)
    print(f"{fields}: {response.status_code} in {seconds * 1000:.0f} ms: {response.text[:600]}")
    assert response.status_code in (200, 400)
    assert engine_processes(service) == before
    assert ask(service, CANARY)[0].status_code == 200


def test_the_worker_is_replaced_when_it_is_killed(service: ServiceProcess, client: openai.OpenAI) -> None:
    workers = [
        each
        for each in psutil.Process(service.pid).children(recursive=True)
        if "service.engine.vllm_grammar_worker" in each.cmdline()
    ]
    workers[0].kill()
    deadline = time.monotonic() + 30
    statuses = []
    while time.monotonic() < deadline and 200 not in statuses:
        form = {"regex": f"[0-9]{{{len(statuses) + 1}}}"}
        statuses.append(ask(service, {"structured_outputs": form})[0].status_code)
        time.sleep(0.2)
    assert statuses[-1] == 200
    assert set(statuses) <= {200, 503}
