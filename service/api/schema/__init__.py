"""Wire models: the bytes of a request become a validated, frozen model, and that becomes the engine's terms.

 1. `parsing.py`        bytes -> JSON -> model; `explanation.py` says what was wrong, in OpenAI's words
 2. `wire_model.py`     the base of all models; `refusal.py` is how any check in them says no
 3. `sampling_fields.py`, `ignored_fields.py`, `not_served.py`: fields that count, that do nothing, that are refused
 4. `chat.py` and `completion.py`: the two requests, with `message.py`, `content.py`, `prompt.py` and others inside
 5. `embedding.py` and `tokenization.py`: the requests for vectors, and those that only count or translate tokens

Does not know HTTP, streaming or any engine; only the dataclasses of the engine seam.
"""

from service.api.schema.adapter import LoadAdapterRequest, UnloadAdapterRequest
from service.api.schema.chat import ChatCompletionRequest
from service.api.schema.completion import CompletionRequest
from service.api.schema.embedding import EmbeddingsRequest
from service.api.schema.parsing import parse
from service.api.schema.tokenization import DetokenizeRequest, TokenizeRequest

__all__ = [
    "ChatCompletionRequest",
    "CompletionRequest",
    "DetokenizeRequest",
    "EmbeddingsRequest",
    "LoadAdapterRequest",
    "TokenizeRequest",
    "UnloadAdapterRequest",
    "parse",
]
