"""Requests that schemathesis makes of the OpenAPI document: what it allows is served, what it forbids is refused, and
every answer is one that it describes.

FUZZ_CASES is the number of random requests per route; those at the bounds of every field come on top, and are the same
every time. Without it every route gets at least 500 in all, and always the same.
"""

import os
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response

from service.settings import ServerSettings
from tests.api.live import embedding_settings, settings
from tests.api.openapi.narrowed import narrowed, streaming
from tests.api.openapi.started_app import StartedApp

GIVEN = os.environ.get("FUZZ_CASES")
CASES = int(GIVEN or 500)
MANY_BOUNDS = ["POST /v1/chat/completions", "POST /v1/completions", "POST /tokenize"]
"""Routes whose fields have 800 to 2,100 cases at their bounds."""

# What the document cannot say, by code and field; see its introduction.
UNSAYABLE = {
    ("context_length_exceeded", "input"),
    ("context_length_exceeded", "max_tokens"),
    ("context_length_exceeded", "messages"),
    ("context_length_exceeded", "prompt"),
    ("integer_below_min_value", "max_tokens"),  # 0 without echo
    ("invalid_json_schema", "response_format"),
    ("invalid_json_schema", "structured_outputs"),
    ("invalid_value", "allowed_token_ids"),
    ("invalid_value", "bad_words"),
    ("invalid_value", "best_of"),
    ("invalid_value", "continue_final_message"),
    ("invalid_value", "function_call"),
    ("invalid_value", "functions"),
    ("invalid_value", "min_tokens"),
    ("invalid_value", "n"),
    ("invalid_value", "stream_options"),
    ("invalid_value", "structured_outputs"),
    ("invalid_value", "structured_outputs.json_object"),
    ("invalid_value", "tool_choice"),
    ("invalid_value", "tools"),  # of one name
    ("invalid_value", "top_logprobs"),
    ("unsupported_value", "dimensions"),
    ("unsupported_value", "messages"),  # images, for a model of text or of a role that shows none
}


def config(mode: str) -> SchemathesisConfig:
    """All checks on. That allowed requests are served has a stricter one of our own."""
    few = {"max-examples": CASES if GIVEN else CASES // 4}
    return SchemathesisConfig.from_dict(
        {
            # A request may ask for 128 choices of all that the context holds.
            "request-timeout": 60,
            "generation": {"mode": mode, "max-examples": CASES, "deterministic": GIVEN is None},
            "operations": [{"include-name": name, "generation": few} for name in MANY_BOUNDS],
            "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "400", "404"]}},
        }
    )


SCHEMA = schemathesis.openapi.from_dict(narrowed(), config=config("all"))
STREAMS = schemathesis.openapi.from_dict(streaming(), config=config("positive"))


def app_for(path: str, apps: dict[bool, StartedApp] = {}) -> StartedApp:  # noqa: B006
    """The application whose engine does what the route is for."""
    embeds = path == "/v1/embeddings"
    if embeds not in apps:
        chosen = embedding_settings(matryoshka=True) if embeds else settings(context_tokens=2048)
        apps[embeds] = StartedApp(chosen.model_copy(update={"server": ServerSettings()}))
    return apps[embeds]


def whole_numbers(value: Any) -> Any:
    """JSON schema takes 1.0 for an integer; the service does not, as the document says in words."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {name: whole_numbers(member) for name, member in value.items()}
        case list():
            return [whole_numbers(member) for member in value]
    return value


def refused_for_what_cannot_be_said(context: Any, response: Response, case: schemathesis.Case) -> None:
    """The check of an allowed request that is refused."""
    if response.status_code == 400 and case.meta and case.meta.generation.mode.is_positive:
        error = response.json()["error"]
        assert (error["code"], (error["param"] or "").partition("[")[0]) in UNSAYABLE, error["message"]


@pytest.mark.timeout(0 if GIVEN else 240)
@SCHEMA.parametrize()
def test_requests_made_of_the_document_are_answered_as_it_says(case: schemathesis.Case) -> None:
    check(case)


@pytest.mark.timeout(0 if GIVEN else 240)
@STREAMS.parametrize()
def test_streams_are_what_it_says(case: schemathesis.Case) -> None:
    check(case)


def check(case: schemathesis.Case) -> None:
    if case.meta and case.meta.generation.mode.is_positive:
        case.body = whole_numbers(case.body)
    case.call_and_validate(app=app_for(case.path), additional_checks=[refused_for_what_cannot_be_said])
