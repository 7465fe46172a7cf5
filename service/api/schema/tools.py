"""`tools`, `tool_choice`, and their predecessors `functions` and `function_call`: what may and what must be called."""

from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

from pydantic import AfterValidator, Discriminator, Field, Tag

from service.api.schema.forms import Form, in_forms
from service.api.schema.refusal import RefusalError, escaped
from service.api.schema.shapes import OBJECT, STRING, string_or_object
from service.api.schema.wire_model import WireModel
from service.engine.requests import ToolUse

MAX_TOOLS: Final = 128
MAX_DESCRIPTION: Final = 32_768
"""Characters. Descriptions are part of the prompt; one that is longer fills the context of most models alone."""

FunctionName = Annotated[str, Field(pattern="^[a-zA-Z0-9_-]{1,64}$")]


class FunctionDefinition(WireModel):
    """A function that the model may call."""

    name: FunctionName = Field(description="1 to 64 of a-z, A-Z, 0-9, _ and -.")
    description: str | None = Field(
        default=None, max_length=MAX_DESCRIPTION, description="What it does, for the model."
    )
    parameters: dict[str, Any] | None = Field(default=None, description="JSON schema of its arguments.")
    strict: bool | None = Field(
        default=None, description="Bind a call's arguments to the schema; a call that is forced is bound anyway."
    )


class Tool(WireModel):
    """A tool; all tools are functions."""

    type: Literal["function"] = Field(description="Only functions can be called.")
    function: FunctionDefinition = Field(description="The function.")


class NamedFunction(WireModel):
    """One function by its name."""

    name: FunctionName = Field(description="Its name.")


class NamedTool(WireModel):
    """One tool by its name."""

    type: Literal["function"] = Field(description="Only functions can be called.")
    function: NamedFunction = Field(description="The function.")


class AllowedTools(WireModel):
    """Some of the tools."""

    mode: Literal["auto", "required"] = Field(description="Whether one of them must be called.")
    tools: list[NamedTool] = Field(min_length=1, max_length=MAX_TOOLS, description="The tools that may be called.")


ChoiceType: TypeAlias = Literal["function", "allowed_tools"]


class ToolChoiceObject(WireModel):
    """The tool that must be called, or those that may be."""

    type: ChoiceType = Field(description="Which of the two members below is given.")
    function: NamedFunction | None = Field(default=None, description="The function that must be called.")
    allowed_tools: AllowedTools | None = Field(default=None, description="The tools that may be called.")

    @classmethod
    def described(cls, schema: dict[str, Any]) -> dict[str, Any]:
        """Two forms, each with its own member."""
        return in_forms(schema, [Form({"type": {"const": kind}}, never_null=(kind,)) for kind in get_args(ChoiceType)])


def _complete(choice: ToolChoiceObject) -> ToolChoiceObject:
    if getattr(choice, choice.type) is None:
        raise RefusalError(
            "missing_required_parameter", f"A choice of type '{choice.type}' must have '{choice.type}'.", choice.type
        )
    return choice


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag(STRING)]
    | Annotated[ToolChoiceObject, AfterValidator(_complete), Tag(OBJECT)],
    Discriminator(string_or_object),
]
FunctionCall = Annotated[
    Annotated[Literal["none", "auto"], Tag(STRING)] | Annotated[NamedFunction, Tag(OBJECT)],
    Discriminator(string_or_object),
]


def _distinct(tools: list[Tool]) -> list[Tool]:
    names: set[str] = set()
    for index, tool in enumerate(tools):
        if tool.function.name in names:
            raise RefusalError(
                "invalid_value",
                f"Two tools have the name '{escaped(tool.function.name)}'. Give each a name of its own.",
                f"[{index}].function.name",
            )
        names.add(tool.function.name)
    return tools


Tools = Annotated[list[Tool], Field(max_length=MAX_TOOLS, fail_fast=True), AfterValidator(_distinct)]
Functions = Annotated[list[FunctionDefinition], Field(max_length=MAX_TOOLS, fail_fast=True)]


def tool_use(
    tools: list[Tool], choice: Literal["none", "auto", "required"] | ToolChoiceObject, *, parallel: bool
) -> ToolUse | None:
    """What the engine is told; None where nothing may be called. Raises `RefusalError` for a tool that is not there."""
    if isinstance(choice, str):
        return None if choice == "none" or not tools else _use(tools, choice, parallel=parallel)
    if choice.function is not None and choice.type == "function":
        (named,) = _chosen(tools, [choice.function.name])
        return _use([named], "required", name=named.function.name, parallel=False)
    assert choice.allowed_tools is not None  # _complete has seen to it
    allowed = _chosen(tools, [tool.function.name for tool in choice.allowed_tools.tools])
    return _use(allowed, choice.allowed_tools.mode, parallel=parallel)


def _chosen(tools: list[Tool], names: list[str]) -> list[Tool]:
    by_name = {tool.function.name: tool for tool in tools}
    for name in names:
        if name not in by_name:
            raise RefusalError(
                "invalid_value",
                f"Invalid 'tool_choice': '{name}' is not one of 'tools'. Name one of them.",
                "tool_choice",
            )
    return [by_name[name] for name in names]


def _use(tools: list[Tool], choice: Literal["auto", "required"], *, parallel: bool, name: str | None = None) -> ToolUse:
    return ToolUse(
        tools=[tool.model_dump(exclude_none=True) for tool in tools], choice=choice, name=name, parallel=parallel
    )
