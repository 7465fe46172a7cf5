"""`Message`: one message of a conversation, checked against what its role may have.

Answers of this and other servers may be sent back as they came: members that are null in them are accepted.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from service.api.schema.content import Content
from service.api.schema.forms import Form, in_forms
from service.api.schema.not_served import NotServed
from service.api.schema.refusal import RefusalError
from service.api.schema.wire_model import WireModel
from service.gateway.media.source import ImageSource

FOR_ANYONE: Final = frozenset({"role", "content", "name"})
FOR_ROLE: Final[Mapping[str, frozenset[str]]] = {
    "assistant": frozenset({"refusal", "tool_calls", "function_call", "annotations", "reasoning", "reasoning_content"}),
    "tool": frozenset({"tool_call_id"}),
}
LEGACY_CALL_ID: Final = "function_call"
"""Calls of the older form have no ids, for there is never more than one."""
MAX_MESSAGES: Final = 2048
MAX_CALLS: Final = 2048
"""Tool calls of a whole conversation. Ten thousand, which a body may hold, took 110 ms of everybody's time."""
MAY_SHOW: Final = frozenset({"user", "tool"})
"""Roles whose messages may have images."""
REQUIRED: Final[Mapping[str, str]] = {"tool": "tool_call_id", "function": "name"}


def _form(
    *roles: str, never_null: tuple[str, ...] = (), never_empty: tuple[str, ...] = (), given: tuple[str, ...] = ()
) -> Form:
    others = frozenset[str]().union(*FOR_ROLE.values()) - FOR_ROLE.get(roles[0], frozenset())
    return Form({"role": {"enum": list(roles)}}, never_null, never_empty, given, leaves_out=others)


FORMS: Final = (
    _form("system", "developer", "user", never_null=("content",)),
    _form("assistant", never_null=("content",)),
    *(_form("assistant", never_empty=(name,)) for name in ("tool_calls", "function_call", "refusal")),
    _form("tool", never_null=("content",), never_empty=("tool_call_id",)),
    _form("function", never_empty=("name",), given=("content",)),
)
"""What `Message` checks itself, for the OpenAPI document."""


class CalledFunction(WireModel):
    """What a tool call calls."""

    name: str = Field(min_length=1, description="The function's name.")
    arguments: str = Field(description="Its arguments, as JSON in a string.")


class ToolCall(WireModel):
    """A call that the assistant made earlier in the conversation."""

    id: str = Field(description="What the tool's answer refers to.")
    type: Literal["function"] = Field(description="Only functions can be called.")
    function: CalledFunction = Field(description="The call.")


class Message(WireModel):
    """Who says what."""

    not_served: ClassVar[Mapping[str, NotServed]] = {
        "audio": NotServed("this server does not support audio"),
    }

    role: Literal["system", "developer", "user", "assistant", "tool", "function"] = Field(description="Who speaks.")
    content: Content | None = Field(
        default=None, description="Text, or parts: text and images; null beside tool calls only."
    )
    name: str = Field(default="", description="Tells speakers of one role apart, if the chat template does.")
    tool_calls: Annotated[list[ToolCall], Field(max_length=128, fail_fast=True)] | None = Field(
        default=None, description="Up to 128 calls that the assistant made."
    )
    function_call: CalledFunction | None = Field(default=None, description="Older form of `tool_calls`.")
    tool_call_id: str = Field(default="", description="The call that a tool answers.")
    refusal: str | None = Field(default=None, description="What the assistant said instead of an answer.")
    annotations: list[Any] | None = Field(default=None, description="No effect.")
    reasoning: str | None = Field(default=None, description="What the assistant thought, for templates that want it.")
    reasoning_content: str | None = Field(default=None, description="Older name of `reasoning`.")

    @classmethod
    def described(cls, schema: dict[str, Any]) -> dict[str, Any]:
        """What each role has and must have."""
        return in_forms(schema, FORMS)

    @model_validator(mode="after")
    def _suits_its_role(self) -> Self:
        for name in self.model_fields_set - FOR_ANYONE - FOR_ROLE.get(self.role, frozenset()):
            raise RefusalError(
                "unknown_parameter", f"Messages of role '{self.role}' have no '{name}'. Leave it out.", name
            )
        required = REQUIRED.get(self.role)
        if required is not None and not getattr(self, required):
            raise RefusalError(
                "missing_required_parameter", f"Messages of role '{self.role}' must have a '{required}'.", required
            )
        if self.content is None and not self._may_be_silent():
            given = "content" in self.model_fields_set
            raise RefusalError(
                "invalid_type" if given else "missing_required_parameter",
                f"Messages of role '{self.role}' must have content: a string or an array of parts"
                f"{', but got null' if given else ''}.",
                "content",
            )
        self._check_images()
        return self

    def _check_images(self) -> None:
        for index, _ in self.images:
            if self.role not in MAY_SHOW:
                raise RefusalError(
                    "unsupported_value",
                    f"Messages of role '{self.role}' take only text. Send images in messages of role 'user'.",
                    f"content[{index}].type",
                )

    def _may_be_silent(self) -> bool:
        # OpenAI lets a function return null, but wants the member.
        if self.role == "function":
            return "content" in self.model_fields_set
        return bool(self.calls or self.refusal)

    @property
    def images(self) -> Iterator[tuple[int, str]]:
        """Index and URL of each part that is an image."""
        if isinstance(self.content, list):
            yield from ((at, part["url"]) for at, part in enumerate(self.content) if part["type"] == "image_url")

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The calls that the assistant made, in the newer form."""
        if self.function_call is not None:
            return [{"id": LEGACY_CALL_ID, "type": "function", "function": self.function_call.model_dump()}]
        return [call.model_dump() for call in self.tool_calls or ()]

    @property
    def _rendered_content(self) -> str | list[dict[str, str]] | None:
        # Where an image stands is part of the conversation; what is in it travels beside.
        if not isinstance(self.content, list):
            return self.content
        return [{"type": "image"} if part["type"] == "image_url" else part for part in self.content]

    def rendered(self) -> dict[str, Any]:
        """What the renderer of chat templates takes: instructions and results of calls have one role there each."""
        content = self._rendered_content if self.content is not None or self.calls else self.refusal or ""
        role = {"developer": "system", "function": "tool"}.get(self.role, self.role)
        message: dict[str, Any] = {"role": role, "content": content}
        if self.name:
            message["name"] = self.name
        if self.calls:
            message["tool_calls"] = self.calls
        if role == "tool":
            message["tool_call_id"] = self.tool_call_id or LEGACY_CALL_ID
        if reasoning := self.reasoning or self.reasoning_content:
            message["reasoning"] = reasoning
        return message


def _few_calls(given: Any) -> Any:
    # Counted before pydantic makes two objects of each.
    if isinstance(given, list):
        lists = [each.get("tool_calls") for each in given if isinstance(each, dict)]
        if (calls := sum(len(each) for each in lists if isinstance(each, list))) > MAX_CALLS:
            raise RefusalError(
                "array_above_max_length",
                f"A conversation may have at most {MAX_CALLS} tool calls in all, but got {calls}. Leave old ones out.",
            )
    return given


Messages = Annotated[
    list[Message], Field(min_length=1, max_length=MAX_MESSAGES, fail_fast=True), BeforeValidator(_few_calls)
]


def image_sources(messages: Sequence[Message]) -> tuple[ImageSource, ...]:
    """The images of a conversation, in its order."""
    return tuple(
        ImageSource(url, f"messages[{at}].content[{part}].image_url.url")
        for at, message in enumerate(messages)
        for part, url in message.images
    )
