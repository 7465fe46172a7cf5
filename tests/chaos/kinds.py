"""The kinds of streams that are to survive: one request each, greedy or seeded, so that its answer is known."""

from dataclasses import dataclass
from typing import Any, Final

from service.models.bundled import BUNDLED as MODEL

ADAPTER: Final = "chaos-adapter"

STORY: Final = "Once upon a time, in a small harbour town, the tide"
QUESTION: Final = [{"role": "user", "content": "Tell me a story about the sea and the moon, with emojis."}]
SCHEMA: Final = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "tags": {"type": "array", "items": {"enum": ["sea", "moon", "tide", "harbour"]}, "minItems": 8, "maxItems": 12},
        "depth": {"type": "integer"},
    },
    "required": ["name", "tags", "depth"],
    "additionalProperties": False,
}
TOOL: Final = {
    "type": "function",
    "function": {
        "name": "get_tide",
        "description": "The tide at a place.",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string"}, "unit": {"enum": ["metres", "feet"]}},
            "required": ["place", "unit"],
            "additionalProperties": False,
        },
    },
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A request. Its answer must be the undisturbed one, token for token."""

    name: str
    path: str
    body: dict[str, Any]


def _completion(name: str, **fields: Any) -> Kind:
    body = {"model": MODEL, "prompt": STORY, "max_tokens": 96, "temperature": 0, "ignore_eos": True, **fields}
    return Kind(name, "/v1/completions", body)


def _chat(name: str, **fields: Any) -> Kind:
    body = {"model": MODEL, "messages": QUESTION, "max_tokens": 96, "temperature": 0, **fields}
    return Kind(name, "/v1/chat/completions", body)


KINDS: Final = (
    _completion("plain"),
    _chat("chat"),
    _completion("stop string", stop=["nowhere to be seen at all", " xyzzy"]),
    _completion("presence penalty", presence_penalty=1.2),
    _completion("frequency penalty", frequency_penalty=0.8),
    _completion("repetition penalty", repetition_penalty=1.3),
    _completion("minimum", min_tokens=90, ignore_eos=False),
    _chat("json_schema", response_format={"type": "json_schema", "json_schema": {"name": "t", "schema": SCHEMA}}),
    _completion("regex", structured_outputs={"regex": "([a-z]+ )+end"}, ignore_eos=False),
    _chat("tool call", tools=[TOOL], tool_choice="required", parallel_tool_calls=False),
    _completion("n=3", n=3),
    _completion("logprobs", logprobs=2),
    _completion("seeded", temperature=0.9, seed=11),
    _completion("seeded n=2", temperature=0.9, seed=5, n=2),
    _completion("adapter", model=ADAPTER),
    _completion("not streamed", stream=False),
)
