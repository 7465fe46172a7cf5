"""`WireModel`: the base of everything that is read from a request. Frozen, strict, and closed to unknown fields."""

import difflib
import functools
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator

from service.api.schema.not_served import NotServed
from service.api.schema.refusal import RefusalError, escaped


class WireModel(BaseModel):
    """Strict: no number in a string, no boolean for a number, no 1.0 for 1. Whole numbers do for decimals."""

    # Inputs are hidden, so that no traceback carries a prompt into a log.
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    not_served: ClassVar[Mapping[str, NotServed]] = {}
    """Fields that are known but refused unless they carry a value that asks for nothing."""

    @classmethod
    def described(cls, schema: dict[str, Any]) -> dict[str, Any]:
        """`schema`, this model's fields as JSON schema, with what it does not say by itself. May change it in place."""
        return schema

    # Before pydantic looks: it would make an error object for each of a hundred thousand unknown fields.
    @model_validator(mode="before")
    @classmethod
    def _only_known_fields(cls, given: Any) -> Any:
        known = _names(cls)
        if not isinstance(given, dict) or given.keys() <= known:
            return given
        kept = {}
        for name, value in given.items():
            if name in known:
                kept[name] = value
            elif name not in cls.not_served:
                raise RefusalError(
                    "unknown_parameter", f"Unknown parameter: '{escaped(name)}'.{cls._nearest(name)}", name
                )
            else:
                cls.not_served[name].check(name, value)
        return kept

    @classmethod
    def _nearest(cls, name: str) -> str:
        known = (*_names(cls), *cls.not_served)
        nearest = difflib.get_close_matches(name[:64], known, n=1)
        return f" Did you mean '{nearest[0]}'?" if nearest else " Leave it out."


def without_default(schema: dict[str, Any]) -> None:
    """For the `json_schema_extra` of a field whose default is our affair: callers cannot always send it."""
    del schema["default"]


@functools.cache
def _names(model: type[BaseModel]) -> frozenset[str]:
    """The fields as they are called on the wire: a few would hide methods of pydantic's under their own names."""
    return frozenset(field.alias or name for name, field in model.model_fields.items())
