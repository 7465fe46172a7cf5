"""Every public route: what it takes, what it answers, and what it may refuse."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from msgspec import Struct

from service.api.chat_answer import ChatCompletion, ChatCompletionChunk
from service.api.completion_answer import Completion, CompletionChunk
from service.api.embedding_reply import EmbeddingList
from service.api.health import Liveness, Readiness
from service.api.models import Model, ModelList
from service.api.openapi.error_answers import FOR_ANY, FOR_BODIES, FOR_MODELS, FOR_ONE_MODEL
from service.api.schema import (
    ChatCompletionRequest,
    CompletionRequest,
    DetokenizeRequest,
    EmbeddingsRequest,
    TokenizeRequest,
)
from service.api.schema.wire_model import WireModel
from service.api.tokenization import DetokenizedText, Tokens

Route: TypeAlias = tuple[str, str]
"""Method and path."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What one route does."""

    id: str
    summary: str
    answer: type[Struct]
    errors: tuple[int, ...] = FOR_BODIES
    body: type[WireModel] | None = None
    event: type[Struct] | None = None
    """Of the stream that the route answers with if it is asked to."""
    unready: bool = False
    """The status 503 comes with the answer, not with an error."""


OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("POST", "/v1/chat/completions"): Operation(
        "createChatCompletion",
        "Create a chat completion",
        ChatCompletion,
        body=ChatCompletionRequest,
        event=ChatCompletionChunk,
    ),
    ("POST", "/v1/completions"): Operation(
        "createCompletion", "Create a completion", Completion, body=CompletionRequest, event=CompletionChunk
    ),
    ("POST", "/v1/embeddings"): Operation(
        "createEmbeddings", "Create embeddings", EmbeddingList, body=EmbeddingsRequest
    ),
    ("POST", "/tokenize"): Operation("tokenize", "Tokenise a text or a conversation", Tokens, body=TokenizeRequest),
    ("POST", "/detokenize"): Operation(
        "detokenize", "Turn tokens back into text", DetokenizedText, body=DetokenizeRequest
    ),
    ("GET", "/v1/models"): Operation("listModels", "List the models that are served", ModelList, FOR_MODELS),
    ("GET", "/v1/models/{name}"): Operation("getModel", "Describe one model", Model, FOR_ONE_MODEL),
    ("GET", "/health/live"): Operation("isAlive", "Is the process alive?", Liveness, FOR_ANY),
    ("GET", "/health/ready"): Operation("isReady", "Are requests taken?", Readiness, FOR_ANY, unready=True),
}
