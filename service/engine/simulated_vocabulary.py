"""`SimulatedVocabulary`: the simulated engine's tokens, and prompts made of them.

The bytes of UTF-8, an end-of-sequence token, and the words of the script.
"""

import itertools
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from service.engine.prompts import ChatPrompt, Prompt, Renderable
from service.errors import ContextLengthError, InvalidRequestError

BYTE_TOKENS: Final = 256
END_OF_SEQUENCE: Final = BYTE_TOKENS
FIRST_WORD: Final = BYTE_TOKENS + 1

IMAGE: Final = "\0" * 16
"""What an image is to the prompt."""


class SimulatedVocabulary:
    """`text` gives the words; no prompt may have more than `context` tokens."""

    def __init__(self, text: str, context: int) -> None:
        self.words = words_of(text)
        self._context = context

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return FIRST_WORD + len(self.words)

    def render(self, prompt: Renderable) -> list[Prompt]:
        """One `Prompt` for each given. Raises `InvalidRequestError`."""
        given, field = ([_flatten(prompt)], "") if isinstance(prompt, ChatPrompt) else (prompt.prompts, prompt.field)
        prompts = [self._tokenise(each) if isinstance(each, str) else self._check(each, field) for each in given]
        if not prompt.unlimited:
            self._check_context(prompts, field or "messages")
        if isinstance(prompt, ChatPrompt) and prompt.images:
            prompts = [msgspec.structs.replace(each, source=prompt) for each in prompts]
        return [self._spelt_out(each) for each in prompts] if prompt.want_token_strings else prompts

    def detokenize(self, token_ids: list[int]) -> str:
        """The text of these tokens. Raises `InvalidRequestError`."""
        self._check_vocabulary(token_ids, "tokens")
        runs = itertools.groupby(token_ids, lambda token_id: token_id < BYTE_TOKENS)
        return "".join(
            bytes(run).decode("utf-8", "replace") if are_bytes else "".join(map(self.token_text, run))
            for are_bytes, run in runs
        )

    def token_text(self, token_id: int) -> str:
        """The text of one token; a byte that is no character of its own becomes U+FFFD."""
        if token_id < BYTE_TOKENS:
            return bytes((token_id,)).decode("utf-8", "replace")
        return "" if token_id == END_OF_SEQUENCE else self.words[token_id - FIRST_WORD]

    def _tokenise(self, text: str) -> Prompt:
        return Prompt(token_ids=list(text.encode("utf-8", "surrogatepass")), text=text)

    def _check_context(self, prompts: list[Prompt], field: str) -> None:
        longest = max(len(prompt.token_ids) for prompt in prompts)
        if longest > self._context:
            raise ContextLengthError(
                f"This model's maximum context length is {self._context} tokens, but the prompt has "
                f"{longest} tokens. Shorten the prompt.",
                param=field,
            )

    def _check(self, token_ids: list[int], field: str) -> Prompt:
        self._check_vocabulary(token_ids, field)
        return Prompt(token_ids=token_ids, text="".join(map(self.token_text, token_ids)))

    def _check_vocabulary(self, token_ids: list[int], field: str) -> None:
        size = self.size
        for token_id in token_ids:
            if not 0 <= token_id < size:
                raise InvalidRequestError(
                    f"{field}: token id {token_id} is outside the vocabulary of {size} tokens.",
                    param=field,
                    code="invalid_value",
                )

    def _spelt_out(self, prompt: Prompt) -> Prompt:
        return msgspec.structs.replace(prompt, token_strings=[self.token_text(each) for each in prompt.token_ids])


def words_of(text: str) -> list[str]:
    """The words of a text, each with the white space before it."""
    return re.findall(r"\s*\S+\s*$|\s*\S+", text)


def _flatten(prompt: ChatPrompt) -> str:
    lines = [f"{message['role']}: {_content_text(message.get('content'))}\n" for message in prompt.messages]
    return "".join(lines) + ("assistant: " if prompt.add_generation_prompt else "")


def _content_text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts: Sequence[dict[str, str]] = content if isinstance(content, list) else ()
    return "\n".join(IMAGE if part.get("type") == "image" else part.get("text", "") for part in parts)
