"""Padding of events: their sizes say less about the text."""

import json
from typing import Any

import pytest

from service.api.chat_chunks import ChatChunks, ChatForm
from service.api.completion_chunks import CompletionChunks
from service.api.obfuscation import STEP, Obfuscated
from service.engine.deltas import Delta
from tests.api.live import MODEL, LiveApp

CHAT = {"messages": [{"role": "user", "content": "Tell me of the tide."}]}
TEXT = {"prompt": "Once"}


def encoders() -> list[Obfuscated]:
    chat = ChatChunks("c", 7, "m", ChatForm(), include_usage=True)
    text = CompletionChunks("c", 7, "m", include_usage=False, with_logprobs=False, echoes=[])
    for chunks in (chat, text):
        chunks.events([Delta(0, "first", [1])])
    return [Obfuscated(chat), Obfuscated(text)]


@pytest.mark.parametrize("chunks", encoders(), ids=["chat", "completion"])
def test_events_of_texts_up_to_a_step_are_of_one_size(chunks: Obfuscated) -> None:
    texts = ["a", "be", "tide", "é", '"', "\n", "𝄞", "x" * STEP]
    assert len({len(chunks.events([Delta(0, text, [1])])) for text in texts}) == 1
    assert len(chunks.events([Delta(0, "x" * (STEP + 1), [1])])) - len(chunks.events([Delta(0, "x", [1])])) == STEP


@pytest.mark.parametrize("chunks", encoders(), ids=["chat", "completion"])
def test_events_that_were_ready_together_are_padded_each_by_itself(chunks: Obfuscated) -> None:
    written = chunks.events([Delta(0, text, [1]) for text in ("a}", "be\n\n", "tide")])
    told = written.removesuffix(b"\n\n").split(b"\n\n")
    assert len({len(event) for event in told}) == 1
    assert all(json.loads(event.removeprefix(b"data: "))["obfuscation"] for event in told)


def test_where_nothing_was_ready_nothing_is_padded() -> None:
    assert encoders()[0].events([Delta(0, "", [1])]) == b""


@pytest.mark.parametrize(("path", "body"), [("chat/completions", CHAT), ("completions", TEXT)])
@pytest.mark.parametrize(
    ("options", "padded"), [(None, False), ({}, False), ({"include_obfuscation": True, "include_usage": True}, True)]
)
async def test_only_who_asks_for_it_gets_it(
    app: LiveApp, path: str, body: dict[str, Any], options: dict[str, bool] | None, padded: bool
) -> None:
    asked = {"model": MODEL, "stream": True, "stream_options": options, **body}
    async with app.http() as client:
        *events, done, _ = (await client.post(f"/v1/{path}", json=asked)).text.split("\n\n")
    told = [json.loads(event.removeprefix("data: ")) for event in events]
    assert done == "data: [DONE]"
    assert {("obfuscation" in event) for event in told if event["choices"]} == {padded}
    text = "".join(
        choice.get("text", choice.get("delta", {}).get("content", "")) for e in told for choice in e["choices"]
    )
    assert text == "The tide comes in, the tide goes out."
