"""vLLM's parsers of calls and reasoning behind our seam, on the bundled model's tokenizer; no engine is started."""

from dataclasses import dataclass
from typing import Any

import pytest

from service.engine.deltas import Delta
from service.engine.prompts import Prompt
from service.engine.requests import ChatOutput, GenerationRequest, Sampling, ToolUse
from service.errors import ConfigurationError
from service.models import bundled

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(120),
    # torch uses its own deprecated interfaces when it is imported.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]

TIDE = {"type": "function", "function": {"name": "tide", "parameters": {"type": "object", "properties": {}}}}
CALL = '<tool_call>\n{"name": "tide", "arguments": {"a": 1}}\n</tool_call>'


@dataclass
class Shape:
    """What the parsers read of vLLM's model configuration."""

    model: str
    hf_config: Any


class Kind:
    model_type = "llama"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(bundled.prepare(lambda done: None))


def parser(
    tokenizer: Any, use: ToolUse | None, *, reasoning: str | None = None, choices: int = 1, whole: bool = False
) -> Any:
    from service.engine.vllm_parse import ParserFactory

    factory = ParserFactory(tokenizer, Shape("m", Kind()), tool_call="hermes", reasoning=reasoning)  # type: ignore[arg-type]
    prompt = Prompt(token_ids=[1])
    sampling = Sampling(max_tokens=10, n=choices)
    chat = ChatOutput(tool_use=use)
    return factory.parser(GenerationRequest(id="r", prompt=prompt, sampling=sampling, chat=chat, whole=whole))


def told(parser: Any, tokenizer: Any, text: str, index: int = 0) -> list[Delta]:
    """The text's deltas, a token each, parsed."""
    ids = tokenizer.encode(text)
    deltas = [Delta(index, tokenizer.decode([token]), [token]) for token in ids]
    deltas[-1] = Delta(index, deltas[-1].text, deltas[-1].token_ids, "stop")
    return [parser.parse(delta) for delta in deltas]


def test_a_call_in_the_text_becomes_a_call(tokenizer: Any) -> None:
    deltas = told(parser(tokenizer, ToolUse(tools=[TIDE])), tokenizer, "Let me see. " + CALL)
    parts = [part for delta in deltas for part in delta.tool_calls or ()]
    assert "".join(delta.text for delta in deltas).strip() == "Let me see."
    assert ([part.name for part in parts if part.name], {part.index for part in parts}) == (["tide"], {0})
    assert "".join(part.arguments for part in parts) == '{"a": 1}'
    assert deltas[-1].finish_reason == "stop"


def test_a_whole_answer_is_parsed_at_once(thinker: Any) -> None:
    text = "<think>Low or high?</think>It is low." + CALL + CALL
    whole = parser(thinker, ToolUse(tools=[TIDE]), reasoning="deepseek_r1", whole=True)
    delta = whole.parse(Delta(0, text, thinker.encode(text), "stop"))
    assert (delta.reasoning, delta.text) == ("Low or high?", "It is low.")
    assert [(part.index, part.name, part.arguments) for part in delta.tool_calls] == [
        (0, "tide", '{"a": 1}'),
        (1, "tide", '{"a": 1}'),
    ]
    assert len({part.id for part in delta.tool_calls} - {None}) == 2
    assert delta.reasoning_tokens == len(thinker.encode("Low or high?"))


def test_every_choice_has_a_parser_of_its_own(tokenizer: Any) -> None:
    both = parser(tokenizer, ToolUse(tools=[TIDE]), choices=2)
    first, second = told(both, tokenizer, CALL, 0), told(both, tokenizer, "No call here.", 1)
    assert any(delta.tool_calls for delta in first)
    assert "".join(delta.text for delta in second) == "No call here."


@pytest.mark.parametrize(("parallel", "once"), [(True, False), (False, True)])
def test_a_forced_call_is_bound_to_the_schema(tokenizer: Any, parallel: bool, once: bool) -> None:
    from vllm.sampling_params import SamplingParams

    params = SamplingParams()
    parser(tokenizer, ToolUse(tools=[TIDE], choice="required", parallel=parallel)).adjust(params)
    tag = params.structured_outputs.structural_tag
    assert '"name": "tide' in tag.replace("\\", "") and '"properties"' in tag
    assert ('"stop_after_first": true' in tag) is once


def test_a_call_that_may_be_made_leaves_the_text_free(tokenizer: Any) -> None:
    from vllm.sampling_params import SamplingParams

    params = SamplingParams()
    parser(tokenizer, ToolUse(tools=[TIDE])).adjust(params)
    assert params.structured_outputs is None


@pytest.fixture(scope="module")
def thinker() -> Any:
    """The bundled tokenizer with the two tokens of a model that reasons."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bundled.prepare(lambda done: None))
    tokenizer.add_tokens(["<think>", "</think>"])
    return tokenizer


def test_reasoning_is_apart_from_content_and_calls_and_is_counted(thinker: Any) -> None:
    reasoning = parser(thinker, ToolUse(tools=[TIDE]), reasoning="deepseek_r1")
    deltas = told(reasoning, thinker, "<think>Low or high?</think>It is low." + CALL)
    assert "".join(delta.reasoning or "" for delta in deltas) == "Low or high?"
    assert "".join(delta.text for delta in deltas).strip() == "It is low."
    assert any(delta.tool_calls for delta in deltas)
    assert deltas[-1].reasoning_tokens == len(thinker.encode("Low or high?"))


def test_a_grammar_waits_for_the_end_of_the_reasoning(thinker: Any) -> None:
    submission = parser(thinker, None, reasoning="deepseek_r1").submission()
    assert submission["reasoning_ended"] is False


def test_without_tools_there_is_nothing_to_parse(tokenizer: Any) -> None:
    assert parser(tokenizer, None) is None


@pytest.mark.parametrize("setting", ["tool_call", "reasoning"])
def test_a_parser_that_vllm_does_not_know_is_a_configuration_error(setting: str) -> None:
    from service.engine.vllm_parse import check_parser_names

    names: dict[str, Any] = {"tool_call": None, "reasoning": None}
    with pytest.raises(ConfigurationError, match=f"engine.{setting}_"):
        check_parser_names(**{**names, setting: "hermez"})


def test_a_parser_whose_tokens_the_tokenizer_lacks_is_a_configuration_error(tokenizer: Any) -> None:
    from service.engine.vllm_parse import ParserFactory

    with pytest.raises(ConfigurationError, match="does not fit"):
        ParserFactory(tokenizer, Shape("m", Kind()), tool_call=None, reasoning="deepseek_r1")  # type: ignore[arg-type]
