"""Fields that are recognised but refused, each with its reason: not supported, or only for an operator to set.

To serve one of them, take its line out of here and declare it in the request's model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from service.api.schema.refusal import RefusalError


@dataclass(frozen=True, slots=True)
class NotServed:
    """Why a field is refused, and the values (besides null) that ask for nothing and therefore pass."""

    why: str
    harmless: tuple[object, ...] = ()
    code: str = "unsupported_value"

    def check(self, name: str, value: object) -> None:
        """Raise `RefusalError` unless the value asks for nothing."""
        if value is not None and not any(_same(value, each) for each in self.harmless):
            raise RefusalError(self.code, f"'{name}' is not available: {self.why}. Leave it out.", name)


def _same(value: object, other: object) -> bool:
    # To Python true is 1; to JSON it is not, but 1 is 1.0.
    return value == other and isinstance(value, bool) is isinstance(other, bool)


def _never(what: str, *harmless: object) -> NotServed:
    return NotServed(f"this server does not support {what}", harmless)


def _operator(*harmless: object) -> NotServed:
    return NotServed("only the operator of this server can set it", harmless, "unknown_parameter")


FOR_ALL: Final[Mapping[str, NotServed]] = {
    **dict.fromkeys(
        (
            "guided_json",
            "guided_regex",
            "guided_choice",
            "guided_grammar",
            "guided_decoding_backend",
            "guided_whitespace_pattern",
        ),
        NotServed("vLLM has replaced it with 'structured_outputs', such as {'regex': ...}", (), "unknown_parameter"),
    ),
    "thinking_token_budget": _never("budgets of reasoning; use 'reasoning_effort'"),
    "truncate_prompt_tokens": _never("truncated prompts; shorten the prompt yourself"),
    "truncation_side": _never("truncated prompts"),
    "prompt_logprobs": _never("log probabilities of the prompt here; completions give them with 'echo'"),
    "logprob_token_ids": _never("log probabilities of chosen tokens", []),
    "prompt_embeds": _never("prompts given as embeddings"),
    "use_beam_search": _never("beam search", False),
    "length_penalty": _never("beam search", 1.0),
    "early_stopping": _never("beam search", False),
    "watermarking": _never("watermarks", False),
    "repetition_detection": _never("the detection of repetitions"),
    "stream_interval": _never("intervals between chunks of a stream", 1),
    "return_token_ids": _never("token ids in answers", False),
    "return_tokens_as_token_ids": _never("token ids in answers", False),
    "return_token_offsets": _never("token offsets in answers", False),
    "routed_experts_prompt_start": _never("routed experts in answers", 0),
    "mm_payload": _never("media", "tensors"),
    "return_mm_kwargs": _never("media", True, False),
    "mm_processor_kwargs": _operator({}),
    "media_io_kwargs": _operator({}),
    "kv_transfer_params": _operator({}),
    "ec_transfer_params": _operator({}),
    "vllm_xargs": _operator({}),
    "priority": _operator(0),
    "request_id": _operator(),
    "session_id": _operator(),
    "cache_salt": _operator(),
    "data_parallel_rank": _operator(),
}

FOR_CHAT: Final[Mapping[str, NotServed]] = {
    **FOR_ALL,
    "audio": _never("audio"),
    "modalities": _never("modalities other than ['text']", ["text"]),
    "web_search_options": _never("web search"),
    "moderation": _never("moderation"),
    "echo": _never("'echo' in chats; set 'continue_final_message' to continue the last message", False),
    "add_special_tokens": _never("special tokens beyond those of the chat template", False),
    "return_prompt_text": _never("the rendered prompt in answers", False),
    "chat_template": _operator(),
    "documents": _operator([]),
}

FOR_COMPLETIONS: Final[Mapping[str, NotServed]] = {
    **FOR_ALL,
    "suffix": _never("text to come after the completion", ""),
}

FOR_TOKENIZE: Final[Mapping[str, NotServed]] = {
    "chat_template": _operator(),
    "media_io_kwargs": _operator({}),
    "mm_processor_kwargs": _operator({}),
}

FOR_EMBEDDINGS: Final[Mapping[str, NotServed]] = {
    "truncate_prompt_tokens": _never("truncated inputs; shorten them yourself"),
    "truncation_side": _never("truncated inputs"),
    "messages": _never("conversations as inputs"),
    "embed_dtype": _never("types of numbers other than float32", "float32"),
    "endianness": _never("orders of bytes other than little-endian", "native", "little"),
    "normalize": _never("a choice; vectors come as the model's pooler makes them"),
    "use_activation": _never("a choice; vectors come as the model's pooler makes them"),
    "mm_processor_kwargs": _operator({}),
    "priority": _operator(0),
    "request_id": _operator(),
    "cache_salt": _operator(),
}
