"""`ChatCompletionRequest`: the body of POST /v1/chat/completions."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from service.api.schema.final_turn import check_final_turn
from service.api.schema.message import Messages, image_sources
from service.api.schema.not_served import FOR_CHAT, NotServed
from service.api.schema.refusal import RefusalError
from service.api.schema.sampling_fields import INT64, SamplingFields
from service.api.schema.tools import (
    FunctionCall,
    Functions,
    NamedFunction,
    Tool,
    ToolChoice,
    ToolChoiceObject,
    Tools,
    tool_use,
)
from service.api.schema.wire_model import WireModel, without_default
from service.engine.prompts import ChatPrompt
from service.engine.requests import ChatOutput, ToolUse
from service.gateway.media.source import ImageSource


class TemplateSwitches(WireModel):
    """What a caller may set of the chat template's variables; the others are the operator's."""

    enable_thinking: bool | None = Field(default=None, description="Let the model reason, if the template has it.")
    thinking: bool | None = Field(default=None, description="The same under the name that other templates use.")


class ChatCompletionRequest(SamplingFields):
    """A conversation to continue."""

    not_served: ClassVar[Mapping[str, NotServed]] = FOR_CHAT

    messages: Messages = Field(description="The conversation, 1 to 2048 messages.")
    max_tokens: int | None = Field(default=None, ge=1, le=INT64, description="Older name of max_completion_tokens.")
    max_completion_tokens: int | None = Field(
        default=None, ge=1, le=INT64, description="Most output tokens per choice; default: what the context leaves."
    )
    logprobs: bool | None = Field(default=None, description="Report the log probability of each output token.")
    top_logprobs: int | None = Field(
        default=None, ge=0, le=20, description="Likeliest tokens to report as well, 0 to 20; only with `logprobs`."
    )
    tools: Tools | None = Field(default=None, description="Up to 128 functions that the model may call.")
    tool_choice: ToolChoice | None = Field(
        default=None, description="none, auto (default with tools), required, or the tools that may or must be called."
    )
    parallel_tool_calls: bool = Field(default=True, description="More than one call may be made.")
    functions: Functions = Field(default=[], description="Older form of `tools`.")
    function_call: FunctionCall = Field(
        default="auto",
        description="Older form of `tool_choice`; only with functions.",
        json_schema_extra=without_default,
    )
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = Field(
        default=None, description="Handed to the chat template; `none` also turns its thinking off."
    )
    include_reasoning: bool = Field(default=True, description="Send the reasoning of models that reason.")
    chat_template_kwargs: TemplateSwitches = Field(
        default=TemplateSwitches(), description="Switches of the chat template."
    )
    add_generation_prompt: bool = Field(default=True, description="Let the chat template open the assistant's turn.")
    continue_final_message: bool = Field(
        default=False, description="Leave the last message open and continue it; excludes add_generation_prompt."
    )

    @property
    def requested_max_tokens(self) -> int | None:
        """The newer name wins."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def top_alternatives(self) -> int | None:
        """Per output token; 0 reports the chosen one alone."""
        return (self.top_logprobs or 0) if self.logprobs else None

    @cached_property
    def tool_use(self) -> ToolUse | None:
        """The tools that the answer may call; None where there are none or none may be."""
        if not self.functions:
            choice = self.tool_choice or "auto"
            return tool_use(self.tools or [], choice, parallel=self.parallel_tool_calls)
        tools = [Tool(type="function", function=function) for function in self.functions]
        named = self.function_call
        if isinstance(named, NamedFunction):
            return tool_use(tools, ToolChoiceObject(type="function", function=named), parallel=False)
        return tool_use(tools, named, parallel=False)

    @property
    def template_kwargs(self) -> dict[str, Any]:
        """Variables for the chat template."""
        given: dict[str, Any] = self.chat_template_kwargs.model_dump(exclude_none=True)
        if self.reasoning_effort is not None:
            # Templates have either of the two variables; they do not mind the other.
            given = {"enable_thinking": self.reasoning_effort != "none", **given}
            given["reasoning_effort"] = self.reasoning_effort
        return given

    @property
    def chat_output(self) -> ChatOutput:
        """How the answer is to be taken apart."""
        return ChatOutput(tool_use=self.tool_use, template_kwargs=self.template_kwargs)

    @model_validator(mode="after")
    def _tools_agree(self) -> Self:
        for choice, offer in (("tool_choice", "tools"), ("function_call", "functions")):
            given = getattr(self, choice) if choice in self.model_fields_set else None
            if given is not None and given != "none" and not getattr(self, offer):
                raise RefusalError(
                    "invalid_value", f"Invalid '{choice}': it is only allowed with '{offer}'. Send some.", choice
                )
        if self.tools and self.functions:
            raise RefusalError(
                "invalid_value", "Invalid 'functions': it is the older form of 'tools'. Send only one.", "functions"
            )
        _ = self.tool_use  # refuses a choice that is none of the tools
        return self

    @model_validator(mode="after")
    def _chat_fields_agree(self) -> Self:
        if self.top_logprobs and not self.logprobs:
            raise RefusalError(
                "invalid_value",
                "Invalid 'top_logprobs': it is only allowed with 'logprobs' set to true. Set it or leave this out.",
                "top_logprobs",
            )
        check_final_turn(self, opens=self.add_generation_prompt, continues=self.continue_final_message)
        return self

    @property
    def images(self) -> tuple[ImageSource, ...]:
        """Where the conversation's images are."""
        return image_sources(self.messages)

    def to_prompt(self) -> ChatPrompt:
        """The conversation for the engine's renderer."""
        return ChatPrompt(
            messages=[message.rendered() for message in self.messages],
            add_generation_prompt=self.add_generation_prompt and not self.continue_final_message,
            continue_final_message=self.continue_final_message,
            tools=self.tool_use.tools if self.tool_use else None,
            template_kwargs=self.template_kwargs,
        )
