"""The service as users run it: the bundled model behind both endpoints, judged by the official client."""

import concurrent.futures
import json
import re
import time
from typing import Any

import httpx
import openai
import pytest

from service.models.bundled import BUNDLED as MODEL
from tests.otlp_collector import Collector
from tests.service_process import ServiceProcess

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


def test_it_knows_the_capital_of_france(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0, max_tokens=32)
    assert "Paris" in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None and answer.usage.prompt_tokens == 37


def test_a_stream_says_the_same_as_a_whole_answer(client: openai.OpenAI) -> None:
    asked = {"model": MODEL, "messages": QUESTION, "temperature": 0, "max_tokens": 24}
    whole = client.chat.completions.create(**asked).choices[0].message.content
    chunks = list(client.chat.completions.create(**asked, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole
    assert len(chunks) > 5


def test_a_completion_continues_its_prompt(client: openai.OpenAI) -> None:
    answer = client.completions.create(model=MODEL, prompt="The capital of France is", temperature=0, max_tokens=8)
    assert "Paris" in answer.choices[0].text


def test_an_echo_is_scored_token_by_token(client: openai.OpenAI) -> None:
    text = client.completions.create(
        model=MODEL, prompt="Once upon", temperature=0, max_tokens=8, logprobs=0, echo=True
    )
    assert text.choices[0].text.startswith("Once upon")
    assert text.choices[0].logprobs is not None
    tokens = text.choices[0].logprobs.tokens or []
    assert "".join(tokens) == text.choices[0].text


def test_logprobs_are_those_of_the_tokens(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=MODEL, messages=QUESTION, temperature=0, max_tokens=6, logprobs=True, top_logprobs=3
    )
    assert answer.choices[0].logprobs is not None
    for position in answer.choices[0].logprobs.content or []:
        best = position.top_logprobs[0]
        assert (best.token, best.logprob) == (position.token, position.logprob)
        assert [each.logprob for each in position.top_logprobs] == sorted(
            (each.logprob for each in position.top_logprobs), reverse=True
        )


def test_three_choices_differ_and_are_counted(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=MODEL, messages=QUESTION, n=3, temperature=1.5, max_tokens=20, seed=7, extra_body={"ignore_eos": True}
    )
    assert len({choice.message.content for choice in answer.choices}) == 3
    assert answer.usage is not None and answer.usage.completion_tokens == 60


def test_a_stop_string_ends_the_answer_before_it(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0, stop=["France"])
    assert answer.choices[0].message.content == "The capital of "


def test_a_seed_repeats_an_answer(client: openai.OpenAI) -> None:
    asked = {"model": MODEL, "messages": QUESTION, "temperature": 1.2, "max_tokens": 16}
    texts = [client.chat.completions.create(**asked, seed=seed).choices[0].message.content for seed in (5, 5, 6)]
    assert texts[0] == texts[1] != texts[2]


def test_best_of_keeps_the_likeliest(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model=MODEL, prompt="The sea is", n=1, best_of=3, temperature=1.0, max_tokens=8, seed=3
    )
    assert len(answer.choices) == 1
    assert answer.usage is not None and answer.usage.completion_tokens >= 9


def test_vllm_sampling_extensions_reach_the_engine(client: openai.OpenAI) -> None:
    asked = {"model": MODEL, "prompt": "The capital of France is", "temperature": 1.0, "max_tokens": 10}
    drawn = {client.completions.create(**asked, extra_body={"top_k": 1}).choices[0].text for _ in range(3)}
    assert all(text.startswith(" Paris") for text in drawn)
    biased = client.completions.create(**asked, logit_bias={"260": 100}, extra_body={"min_tokens": 10})
    assert biased.choices[0].text == " the" * 10


def test_a_second_reading_of_a_long_prompt_comes_from_the_prefix_cache(client: openai.OpenAI) -> None:
    long = [{"role": "user", "content": "Count the waves. " * 60}]
    for _ in range(2):
        answer = client.chat.completions.create(model=MODEL, messages=long, max_tokens=1)
    assert answer.usage is not None and answer.usage.prompt_tokens_details is not None
    assert (answer.usage.prompt_tokens_details.cached_tokens or 0) >= 128


def test_concurrent_requests_share_the_engine(service: ServiceProcess, client: openai.OpenAI) -> None:
    def ask(number: int) -> int:
        answer = client.completions.create(
            model=MODEL, prompt=f"Number {number}", max_tokens=40, extra_body={"ignore_eos": True}
        )
        return answer.usage.completion_tokens if answer.usage else 0

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(ask, number) for number in range(16)]
        seen = 0.0
        while not all(each.done() for each in asked):
            seen = max(seen, service.metric("vllm:num_requests_running"))
        assert [each.result() for each in asked] == [40] * 16
    assert seen >= 8


def test_a_client_that_disconnects_is_gone_from_the_engine_within_a_second(service: ServiceProcess) -> None:
    body = {"model": MODEL, "messages": QUESTION, "stream": True, "max_tokens": 4000, "ignore_eos": True}
    with httpx.stream("POST", service.url + "/v1/chat/completions", json=body, timeout=30) as response:
        next(response.iter_bytes())
        assert service.settles("vllm:num_requests_running", 1, 5)
    assert service.settles("vllm:num_requests_running", 0, 1)


def test_a_conversation_counts_as_many_tokens_as_its_answer_says(service: ServiceProcess) -> None:
    counted = httpx.post(service.url + "/tokenize", json={"model": MODEL, "messages": QUESTION}).json()
    assert (counted["count"], counted["max_model_len"]) == (37, 8192)
    text = httpx.post(service.url + "/detokenize", json={"model": MODEL, "tokens": counted["tokens"]}).json()["prompt"]
    assert text.endswith("What is the capital of France?<|im_end|>\n<|im_start|>assistant\n")


def test_a_conversation_with_tools_counts_as_many_tokens_as_its_answer_says(
    service: ServiceProcess, client: openai.OpenAI
) -> None:
    tools: Any = [{"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}]
    counted = httpx.post(service.url + "/tokenize", json={"messages": QUESTION, "tools": tools}).json()["count"]
    answer = client.chat.completions.create(model=MODEL, messages=QUESTION, tools=tools, max_tokens=1)
    assert answer.usage is not None and answer.usage.prompt_tokens == counted > 37


def test_tokens_have_strings_and_may_exceed_the_context(service: ServiceProcess) -> None:
    asked = {"prompt": "Once upon", "return_token_strs": True}
    assert httpx.post(service.url + "/tokenize", json=asked).json()["token_strs"] == ["Once", "Ġupon"]
    long = httpx.post(service.url + "/tokenize", json={"prompt": "tide " * 20_000}, timeout=30)
    assert long.json()["count"] > 20_000


def test_the_model_is_listed_and_described(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).id == MODEL


def test_metrics_hold_ours_and_the_engines(service: ServiceProcess, client: openai.OpenAI) -> None:
    client.completions.create(model=MODEL, prompt="The sea", max_tokens=4)
    label = f'model="{MODEL}"'
    assert service.metric(r"tidegate_requests_total\{[^}]*outcome=\"ok\",[^}]*route=\"completions\"") >= 1
    assert service.metric(rf"tidegate_generation_tokens_total\{{{label}") >= 4
    assert service.metric(r"vllm:generation_tokens_total") >= 4
    assert service.metric(r"tidegate_engine_phase\{phase=\"ready\"") == 1


def test_every_request_leaves_one_json_line(service: ServiceProcess) -> None:
    marked = {"x-request-id": "look-for-me"}
    httpx.post(service.url + "/v1/completions", json={"model": MODEL, "prompt": "Hi", "max_tokens": 2}, headers=marked)
    deadline = time.monotonic() + 2  # the line is written once the response is
    while not (lines := [json.loads(line) for line in service.text().splitlines() if '"look-for-me"' in line]):
        assert time.monotonic() < deadline
    assert len(lines) == 1
    assert (lines[0]["status"], lines[0]["completion_tokens"], lines[0]["route"]) == (200, 2, "completions")


def test_the_console_names_what_is_served_and_how_to_ask(service: ServiceProcess) -> None:
    text = service.text()
    assert re.search(r"KV cache\D+[\d,]+ tokens", text)
    assert f"{service.url}/v1/chat/completions" in text


def test_vllm_continues_the_callers_trace(service: ServiceProcess, collector: Collector) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    httpx.post(
        service.url + "/v1/completions",
        json={"model": MODEL, "prompt": "Hi", "max_tokens": 2},
        headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"},
    )
    spans: dict[str, Any] = {}
    while not {"llm_request", f"text_completion {MODEL}"} <= spans.keys():
        for resource in collector.received.get(timeout=20)[2].resource_spans:
            found = [span for scope in resource.scope_spans for span in scope.spans]
            spans |= {span.name: span for span in found if span.trace_id.hex() == trace_id}
    assert spans["llm_request"].parent_span_id == spans[f"text_completion {MODEL}"].span_id
