"""Prompts, to be rendered and rendered. Part of the seam (`base.py`)."""

from typing import Any, TypeAlias

import msgspec


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image file as it came: PNG, JPEG, WebP or GIF. Nobody has decoded it yet."""

    data: bytes
    width: int
    height: int
    """In pixels, as its header says; a file that turns out to be of another size is refused."""
    field: str = "messages"
    """What the caller calls it; `param` of a refusal."""


class ChatPrompt(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A conversation still to be rendered with the model's chat template and tokenised."""

    messages: list[dict[str, Any]]
    images: list[Image] = []
    """One for each part `{"type": "image"}` of the messages, in their order."""
    add_generation_prompt: bool = True
    continue_final_message: bool = False
    tools: list[dict[str, Any]] | None = None
    """Tools to describe to the model, in OpenAI's form."""
    template_kwargs: dict[str, Any] = {}
    """Further variables of the chat template, such as `reasoning_effort` and `enable_thinking`."""
    want_token_strings: bool = False
    """Fill `Prompt.token_strings`."""
    unlimited: bool = False
    """Render it even if it is longer than the model's context, as for counting its tokens."""


class TextPrompts(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One or more raw prompts: text still to be tokenised, or token ids to be checked against the vocabulary."""

    prompts: list[str | list[int]]
    add_special_tokens: bool = True
    want_text: bool = False
    """Fill `Prompt.text` even where the prompt was given as token ids (for echo)."""
    want_token_strings: bool = False
    """Fill `Prompt.token_strings`."""
    unlimited: bool = False
    """Render them even if they are longer than the model's context, as for counting their tokens."""
    field: str = "prompt"
    """What the caller calls them; `param` of a refusal."""


Renderable: TypeAlias = ChatPrompt | TextPrompts


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt as the model reads it: token ids, and the text where it was wanted or given."""

    token_ids: list[int]
    text: str | None = None
    token_strings: list[str] | None = None
    """Each token as the tokenizer's vocabulary writes it, where that was wanted."""
    source: ChatPrompt | None = None
    """What it was rendered from, where that has images: token ids alone do not say what is in them."""
    kept: str | None = None
    """Where the engine that rendered it may still have what it made of the images; no other engine knows the name."""
