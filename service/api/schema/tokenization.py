"""`TokenizeRequest` and `DetokenizeRequest`: the bodies of POST /tokenize and POST /detokenize, as vLLM defines them.

What is to be tokenised may exceed the model's context: counting it is what the route is for. How many bytes a body of
/tokenize may have is the route's business.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import Field, model_validator

from service.api.schema.chat import TemplateSwitches
from service.api.schema.final_turn import check_final_turn
from service.api.schema.forms import NULL, Form, in_forms
from service.api.schema.message import Messages, image_sources
from service.api.schema.not_served import FOR_TOKENIZE, NotServed
from service.api.schema.refusal import RefusalError
from service.api.schema.token_ids import TokenId, at_most
from service.api.schema.tools import Tools, tool_use
from service.api.schema.wire_model import WireModel
from service.engine.prompts import ChatPrompt, Renderable, TextPrompts
from service.gateway.media.source import ImageSource

CHAT_ONLY: Final = ("add_generation_prompt", "continue_final_message", "tools", "chat_template_kwargs")

MAX_DETOKENIZED: Final = 262_144
"""Token ids in one request; checking them takes 25 ms of everybody's time."""


class TokenizeRequest(WireModel):
    """A text, or a conversation, as the model would read it."""

    not_served: ClassVar[Mapping[str, NotServed]] = FOR_TOKENIZE

    model: str | None = Field(default=None, min_length=1, description="A served model's name; default: the first.")
    prompt: str | None = Field(
        default=None,
        description="The text; excludes `messages`. A body has at most 512 KiB, or 4 bytes per token of the context.",
    )
    messages: Messages | None = Field(
        default=None, description="The conversation, 1 to 2048 messages; excludes `prompt`."
    )
    add_special_tokens: bool | None = Field(
        default=None, description="Let the tokenizer add its special tokens; default true, never with `messages`."
    )
    add_generation_prompt: bool = Field(
        default=True, description="Let the chat template open the assistant's turn; only with `messages`."
    )
    continue_final_message: bool = Field(
        default=False, description="Leave the last message open; only with `messages`; excludes add_generation_prompt."
    )
    tools: Tools | None = Field(
        default=None, description="Up to 128 functions that the model may call; only with `messages`."
    )
    chat_template_kwargs: TemplateSwitches | None = Field(
        default=None, description="Switches of the chat template; only with `messages`."
    )
    return_token_strs: bool | None = Field(default=None, description="Return each token's string as well.")

    @classmethod
    def described(cls, schema: dict[str, Any]) -> dict[str, Any]:
        """A text, without what only conversations have; or a conversation."""
        absent = dict.fromkeys(("messages", "tools", "chat_template_kwargs"), NULL)
        text = Form(absent, never_null=("prompt",), leaves_out=frozenset(CHAT_ONLY) - absent.keys())
        chat = Form({"prompt": NULL, "add_special_tokens": {"enum": [None, False]}}, never_null=("messages",))
        return in_forms(schema, [text, chat])

    @model_validator(mode="after")
    def _is_one_of_two_forms(self) -> Self:
        if (self.prompt is None) is (self.messages is None):
            both = self.prompt is not None
            raise RefusalError(
                "invalid_value" if both else "missing_required_parameter",
                f"Expected either 'prompt' or 'messages', but got {'both' if both else 'neither'}. Send one of them.",
                "messages" if both else "prompt",
            )
        if self.messages is None:
            self._check_text()
        else:
            self._check_chat()
        return self

    def _check_text(self) -> None:
        for name in CHAT_ONLY:
            if name in self.model_fields_set and getattr(self, name) is not None:
                raise RefusalError("invalid_value", f"'{name}' is only allowed with 'messages'. Leave it out.", name)

    def _check_chat(self) -> None:
        if self.add_special_tokens:
            raise RefusalError(
                "unsupported_value",
                "'add_special_tokens' is not available with 'messages': the chat template adds them. Leave it out.",
                "add_special_tokens",
            )
        check_final_turn(self, opens=self.add_generation_prompt, continues=self.continue_final_message)

    @property
    def images(self) -> tuple[ImageSource, ...]:
        """Where the conversation's images are."""
        return image_sources(self.messages or ())

    def to_prompt(self) -> Renderable:
        """What the engine's renderer has to tokenise, whatever its length."""
        strings = bool(self.return_token_strs)
        if self.messages is None:
            return TextPrompts(
                prompts=[self.prompt or ""],
                add_special_tokens=self.add_special_tokens is not False,
                want_token_strings=strings,
                unlimited=True,
            )
        callable_tools = tool_use(self.tools or [], "auto", parallel=True)
        switches = self.chat_template_kwargs or TemplateSwitches()
        return ChatPrompt(
            messages=[message.rendered() for message in self.messages],
            add_generation_prompt=self.add_generation_prompt and not self.continue_final_message,
            continue_final_message=self.continue_final_message,
            tools=callable_tools.tools if callable_tools else None,
            template_kwargs=switches.model_dump(exclude_none=True),
            want_token_strings=strings,
            unlimited=True,
        )


class DetokenizeRequest(WireModel):
    """Tokens whose text is wanted."""

    model: str | None = Field(default=None, min_length=1, description="A served model's name; default: the first.")
    tokens: Annotated[list[TokenId], Field(max_length=MAX_DETOKENIZED, fail_fast=True), at_most(MAX_DETOKENIZED)] = (
        Field(description="Token ids; there may be none.")
    )
