"""`parse`: the bytes of a request body become a validated model, or one `InvalidRequestError`.

Runs on the event loop for every request. Knows nothing of how the bytes arrived, nor of any particular model.
"""

from typing import Final, TypeVar

import jiter
from pydantic import ValidationError

from service.api.schema.explanation import explain
from service.api.schema.refusal import KINDS, escaped
from service.api.schema.wire_model import WireModel
from service.errors import InvalidRequestError

M = TypeVar("M", bound=WireModel)

REMEDY: Final = "Send one JSON object (RFC 8259) in UTF-8."


def parse(model: type[M], body: bytes) -> M:
    """Raises `InvalidRequestError` for everything that is not exactly one valid JSON object of the model's shape."""
    try:
        return model.model_validate(_object(body))
    except ValidationError as error:
        raise explain(error) from error


def _object(body: bytes) -> dict[str, object]:
    if not body:
        raise InvalidRequestError(f"The body is empty. {REMEDY}", code="invalid_json")
    try:
        # One pass refuses duplicate keys, NaN, lone surrogates, a BOM, and nesting beyond 200 levels. Values are not
        # cached: the cache outlives the request, and prompts must not.
        document = jiter.from_json(body, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
    except ValueError as error:
        what, _, place = str(error).rpartition(" at line ")
        raise InvalidRequestError(
            f"The body is not valid JSON: {escaped(what)} at line {place}. {REMEDY}", code="invalid_json"
        ) from error
    if not isinstance(document, dict):
        kind = KINDS[type(document)]
        raise InvalidRequestError(f"The body must be a JSON object, but is {kind}. {REMEDY}", code="invalid_type")
    return document
