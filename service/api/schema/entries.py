"""Objects with keys of the caller's own choice: `metadata` and `logit_bias`."""

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from service.api.schema.refusal import RefusalError

MAX_METADATA: Final = 16
MAX_BIASES: Final = 300
"""OpenAI's limit. vLLM 0.32 dies on a GPU of more than 1024."""


def _at_most(limit: int) -> BeforeValidator:
    # pydantic counts only after it has made two error objects for each of a hundred thousand entries.
    def check(given: Any) -> Any:
        if isinstance(given, dict) and len(given) > limit:
            raise RefusalError(
                "object_above_max_properties",
                f"Too many entries: expected at most {limit}, but got {len(given)}. Leave some out.",
            )
        return given

    return BeforeValidator(check)


Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
    Field(max_length=MAX_METADATA),
    _at_most(MAX_METADATA),
]

# Nine digits are far above any vocabulary and fit into the 32 bits that engines keep token ids in.
TokenKey = Annotated[str, Field(pattern="^(0|[1-9][0-9]{0,8})$")]

LogitBias = Annotated[
    dict[TokenKey, Annotated[float, Field(ge=-100, le=100)]],
    Field(max_length=MAX_BIASES, json_schema_extra={"additionalProperties": False}),
    _at_most(MAX_BIASES),
]
