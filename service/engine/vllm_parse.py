"""vLLM's own parsers of tool calls and reasoning, fed with deltas. Imports vLLM.

The parsers want vLLM's request object; they get one that holds what they look at and nothing else. They also say what
the sampling must be like for their model's calls: a grammar, and whether special tokens stay in the text.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace
from vllm.config import ModelConfig
from vllm.entrypoints.generate.base.protocol import DeltaMessage
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.parser import Parser, ParserManager
from vllm.reasoning import ReasoningParserManager
from vllm.renderers.chat_utils import make_tool_call_id
from vllm.sampling_params import SamplingParams
from vllm.tokenizers import TokenizerLike
from vllm.tool_parsers import ToolParserManager

from service.engine.deltas import Delta, ToolCallPart
from service.engine.requests import ChatOutput, GenerationRequest, ToolUse
from service.errors import ConfigurationError

TAKEN_OVER: Final = ("structured_outputs", "skip_special_tokens", "spaces_between_special_tokens")
"""Members of vLLM's request that a parser may change and that sampling has to follow."""


def check_parser_names(tool_call: str | None, reasoning: str | None) -> None:
    """Raise `ConfigurationError` for a parser that vLLM does not know; takes no model."""
    for setting, name, known in (
        ("tool_call_parser", tool_call, ToolParserManager.list_registered()),
        ("reasoning_parser", reasoning, ReasoningParserManager.list_registered()),
    ):
        if name is not None and name not in known:
            raise ConfigurationError(f"engine.{setting} is '{name}', which vLLM does not know; use {', '.join(known)}.")


class ParserFactory:
    """Makes the parser of each request. Raises `ConfigurationError` if the parsers do not fit the tokenizer."""

    def __init__(
        self, tokenizer: TokenizerLike, model: ModelConfig, *, tool_call: str | None, reasoning: str | None
    ) -> None:
        self._tokenizer = tokenizer
        self._model = model
        try:
            self._parser_class = ParserManager.get_parser(
                tool_parser_name=tool_call,
                reasoning_parser_name=reasoning,
                enable_auto_tools=True,
                model_name=model.model,
                is_harmony=model.hf_config.model_type == "gpt_oss",
                tokenizer=tokenizer,
            )
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"engine.tool_call_parser or engine.reasoning_parser does not fit: {error}"
            ) from error

    def parser(self, request: GenerationRequest) -> "ChatParser | None":
        """None where there is nothing to parse."""
        if self._parser_class is None or request.chat is None:
            return None
        if request.chat.tool_use is None and self._parser_class.reasoning_parser_cls is None:
            return None
        return ChatParser(request.chat, request, self._make)

    def _make(self, wanted: ChatCompletionRequest, template_kwargs: Mapping[str, Any]) -> Parser:
        assert self._parser_class is not None
        return self._parser_class(
            self._tokenizer, wanted.tools, chat_template_kwargs=dict(template_kwargs), model_config=self._model
        )


class ChatParser:
    """The parsers of one request, one for each choice. `make` builds vLLM's parser for vLLM's request."""

    def __init__(self, chat: ChatOutput, request: GenerationRequest, make: Any) -> None:
        choices = request.sampling.n
        self._wanted = _vllm_request(chat)
        self._prompt = request.prompt
        self._whole = request.whole
        self._parsers: list[Parser] = [make(self._wanted, chat.template_kwargs) for _ in range(choices)]
        self._token_ids: list[list[int]] = [[] for _ in range(choices)]
        self._template_kwargs = chat.template_kwargs

    def adjust(self, params: SamplingParams) -> None:
        """Give the sampling the grammar that forces calls, and what else the model's parser needs."""
        wanted = self._wanted.model_copy(update={name: getattr(params, name) for name in TAKEN_OVER})
        wanted = self._parsers[0].adjust_request(wanted)
        for name in TAKEN_OVER:
            setattr(params, name, getattr(wanted, name))

    def submission(self) -> dict[str, Any]:
        """Arguments of `AsyncLLM.generate`: a grammar waits until the reasoning is over."""
        first = self._parsers[0]
        if first.reasoning_parser is None:
            return {}
        return {
            "reasoning_ended": first.is_reasoning_end(self._prompt.token_ids),
            "reasoning_parser_kwargs": {"chat_template_kwargs": dict(self._template_kwargs)},
        }

    def parse(self, delta: Delta) -> Delta:
        """The same delta with its text taken apart."""
        return self._parse_whole(delta) if self._whole else self._parse_piece(delta)

    def _parse_whole(self, delta: Delta) -> Delta:
        parser = self._parsers[delta.index]
        parser.set_prompt_token_ids(self._prompt.token_ids)
        reasoning, content, calls = parser.parse(
            delta.text, self._wanted, enable_auto_tools=True, model_output_token_ids=delta.token_ids
        )
        parts = [
            ToolCallPart(at, call.id or make_tool_call_id(), call.name, call.arguments)
            for at, call in enumerate(calls or ())
        ]
        return replace(
            delta,
            text=content or "",
            reasoning=reasoning or None,
            tool_calls=parts or None,
            reasoning_tokens=parser.count_reasoning_tokens(delta.token_ids),
        )

    def _parse_piece(self, delta: Delta) -> Delta:
        parser, token_ids = self._parsers[delta.index], self._token_ids[delta.index]
        token_ids += delta.token_ids
        finished = delta.finish_reason is not None
        message = parser.parse_delta(
            delta.text, list(delta.token_ids), self._wanted, self._prompt.token_ids, finished=finished
        )
        return replace(
            delta,
            text=(message.content if message else None) or "",
            reasoning=(message.reasoning if message else None) or None,
            tool_calls=_parts(message),
            reasoning_tokens=parser.count_reasoning_tokens(token_ids) if finished else 0,
        )


def _parts(message: DeltaMessage | None) -> list[ToolCallPart] | None:
    if message is None or not message.tool_calls:
        return None
    return [
        ToolCallPart(
            call.index,
            call.id,
            call.function.name if call.function else None,
            (call.function.arguments if call.function else None) or "",
        )
        for call in message.tool_calls
    ]


def _vllm_request(chat: ChatOutput) -> ChatCompletionRequest:
    document: dict[str, Any] = {
        "messages": [{"role": "user", "content": ""}],
        "chat_template_kwargs": chat.template_kwargs,
        **(_tool_members(chat.tool_use) if chat.tool_use else {"tool_choice": "none"}),
    }
    return ChatCompletionRequest.model_validate(document)


def _tool_members(use: ToolUse) -> dict[str, Any]:
    """A forced call is always bound to its tool's schema: vLLM by itself binds it only for tools that are `strict`."""
    tools = use.tools
    if use.choice == "required":
        tools = [{**tool, "function": {**tool["function"], "strict": True}} for tool in tools]
    choice: Any = use.choice
    if use.name is not None:
        choice = {"type": "function", "function": {"name": use.name}}
    return {"tools": tools, "tool_choice": choice, "parallel_tool_calls": use.parallel}
