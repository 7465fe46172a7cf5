"""A part of a message that is an image, in OpenAI's form: `{"type": "image_url", "image_url": {"url": ...}}`.

Only the form is checked here. Whether the model takes images, and what is behind the URL, is the gateway's business.
"""

from typing import Any, Final

from service.api.schema.refusal import KINDS, RefusalError, escaped, shown

PART_FIELDS: Final = frozenset({"type", "image_url", "prompt_cache_breakpoint"})
URL_FIELDS: Final = frozenset({"url", "detail"})
DETAILS: Final = ("auto", "low", "high", "original")
SCHEMES: Final = ("data:", "http://", "https://")

SCHEMA: Final = {
    "type": "object",
    "properties": {
        "type": {"const": "image_url"},
        "image_url": {
            "type": "object",
            "properties": {
                "url": {"type": "string", "pattern": "^([dD][aA][tT][aA]:|[hH][tT][tT][pP][sS]?://)"},
                "detail": {"enum": [*DETAILS, None]},
            },
            "required": ["url"],
            "additionalProperties": False,
        },
        "prompt_cache_breakpoint": {},
    },
    "required": ["type", "image_url"],
    "additionalProperties": False,
}


def image_part(part: dict[str, Any], index: int) -> dict[str, str]:
    """The part's type and URL. `detail` has no effect: what an image costs is for the model's processor to say."""
    _check_names(part, PART_FIELDS, f"[{index}]")
    image_url = part.get("image_url")
    where = f"[{index}].image_url"
    if not isinstance(image_url, dict):
        raise RefusalError(
            "invalid_type",
            f"Invalid type: 'image_url' must be an object, but got {KINDS[type(image_url)]} instead. Write it as "
            "{'url': ...}.",
            where,
        )
    _check_names(image_url, URL_FIELDS, where)
    _check_url(image_url.get("url"), f"{where}.url")
    detail = image_url.get("detail")
    if detail is not None and detail not in DETAILS:
        raise RefusalError(
            "invalid_value",
            f"Invalid value for 'detail' of an image: {shown(detail)}. Supported values are: {', '.join(DETAILS)}.",
            f"{where}.detail",
        )
    return {"type": "image_url", "url": image_url["url"]}


def _check_names(given: dict[str, Any], known: frozenset[str], where: str) -> None:
    for name in given.keys() - known:
        if name == "uuid":
            raise RefusalError(
                "unsupported_value",
                "'uuid' of an image is not available: this server tells images apart by their content. Leave it out.",
                f"{where}.uuid",
            )
        message = f"Unknown parameter: '{escaped(name)}'. Images have only 'image_url', with 'url' and 'detail'."
        raise RefusalError("unknown_parameter", message, f"{where}.{name}")


def _check_url(url: object, where: str) -> None:
    if not isinstance(url, str):
        raise RefusalError(
            "invalid_type", f"Invalid type: 'url' of an image must be a string, but got {KINDS[type(url)]}.", where
        )
    if not url[:8].lower().startswith(SCHEMES):
        raise RefusalError(
            "invalid_image_url",
            "The 'url' of an image must begin with 'data:', 'http://' or 'https://'. Send the image itself, as "
            "'data:image/png;base64,...'.",
            where,
        )
