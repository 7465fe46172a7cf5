"""`stop` and `bad_words`: strings that end an answer, and strings that must not occur in it."""

from typing import Annotated, Final

from pydantic import AfterValidator, Discriminator, Field, Tag

from service.api.schema.refusal import RefusalError
from service.api.schema.shapes import ARRAY, STRING, string_or_array

MAX_STOP_STRINGS: Final = 4
MAX_BAD_WORDS: Final = 128
MAX_BAD_WORD_BYTES: Final = 512
"""vLLM 0.32 dies on a GPU of bad words that make more than 1024 tokens in all. It counts each word with and without a
space before it, and a word makes at most as many tokens as it has bytes, plus one."""

Word = Annotated[str, Field(min_length=1)]


def _few_bytes(words: list[str]) -> list[str]:
    size = sum(len(word.encode()) + 1 for word in words)
    if size > MAX_BAD_WORD_BYTES:
        raise RefusalError(
            "invalid_value",
            f"Invalid 'bad_words': expected at most {MAX_BAD_WORD_BYTES} bytes in all, counting one more "
            f"for each word, but got {size}. Ban fewer or shorter words.",
        )
    return words


Stop = Annotated[
    Annotated[Word, Tag(STRING)]
    | Annotated[list[Word], Field(max_length=MAX_STOP_STRINGS, fail_fast=True), Tag(ARRAY)],
    Discriminator(string_or_array),
]
BadWords = Annotated[list[Word], Field(max_length=MAX_BAD_WORDS, fail_fast=True), AfterValidator(_few_bytes)]
