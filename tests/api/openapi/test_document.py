"""The OpenAPI document: where it is, what it covers, and what it says that the wire models check themselves."""

import json
from typing import Any

import jsonschema_rs
import pytest
from starlette.routing import Route

from service.api.openapi import document
from service.app import create_app
from service.cli import main
from service.engine.simulated import SimulatedEngine
from service.lifecycle import Lifecycle
from service.telemetry import Telemetry
from tests.api.live import LiveApp, live_app, settings

USER = {"role": "user", "content": "Hello"}
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def allows(name: str, instance: Any) -> bool:
    schema = {"$ref": f"#/components/schemas/{name}", **document()}
    return jsonschema_rs.validator_for(schema).is_valid(instance)


async def test_it_covers_every_public_route_and_no_other() -> None:
    chosen = settings()
    engine = SimulatedEngine(chosen.engine, chosen.simulation)
    app = create_app(chosen, engine, lifecycle=Lifecycle(), telemetry=Telemetry())
    routes = {
        (method.lower(), route.path.replace(":path}", "}"))
        for route in app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }
    described = {(method, path) for path, methods in document()["paths"].items() for method in methods}
    assert described == routes


async def test_operators_have_it_and_the_public_has_not(app: LiveApp) -> None:
    async with app.http() as client:
        assert (await client.get(f"{app.management_url}/openapi.json")).json() == document()
        assert (await client.get("/openapi.json")).status_code == 404


async def test_a_service_that_is_not_ready_answers_as_it_says() -> None:
    responses = document()["paths"]["/health/ready"]["get"]["responses"]
    async with live_app(settings(), start=False) as app, app.http() as client:
        ready = await client.get("/health/ready")
    described = responses[str(ready.status_code)]
    assert ready.status_code == 503 and described["headers"].keys() <= ready.headers.keys()
    assert described["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Readiness"}
    assert allows("Readiness", ready.json())


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["openapi"])
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out) == document()


def test_the_command_takes_no_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["openapi", "--server.port=1"])
    assert ended.value.code == 2
    assert "openapi takes no arguments" in capsys.readouterr().err


def test_every_reference_in_it_leads_somewhere() -> None:
    whole = document()
    for reference in set(json.dumps(whole).split('"$ref": "')[1:]):
        found: Any = whole
        for step in reference.split('"')[0].removeprefix("#/").split("/"):
            found = found[step]


@pytest.mark.parametrize(
    ("message", "allowed"),
    [
        (USER, True),
        ({**USER, "content": None}, False),
        ({**USER, "tool_calls": None}, False),
        ({**USER, "audio": None}, True),
        ({**USER, "audio": {}}, False),
        ({"role": "user", "content": [{"type": "text", "text": ""}]}, True),
        ({"role": "user", "content": [{"type": "text", "text": "", "detail": 1}]}, False),
        ({"role": "user"}, False),
        ({"role": "nobody", "content": ""}, False),
        ({"role": "assistant"}, False),
        ({"role": "assistant", "content": None, "tool_calls": [CALL]}, True),
        ({"role": "assistant", "content": None, "tool_calls": []}, False),
        ({"role": "assistant", "refusal": "No."}, True),
        ({"role": "assistant", "refusal": ""}, False),
        ({"role": "tool", "content": "1", "tool_call_id": "1"}, True),
        ({"role": "tool", "content": "1"}, False),
        ({"role": "function", "name": "f", "content": None}, True),
        ({"role": "function", "name": "f"}, False),
    ],
)
def test_it_says_what_messages_of_a_role_have(message: dict[str, Any], allowed: bool) -> None:
    assert allows("ChatCompletionRequest", {"model": "m", "messages": [message]}) is allowed


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("use_beam_search", False, True),
        ("use_beam_search", 0, False),
        ("use_beam_search", None, True),
        ("priority", 0, True),
        ("length_penalty", 1, True),
        ("prompt_embeds", "x", False),
        ("logit_bias", {"1": 5}, True),
        ("logit_bias", {"one": 5}, False),
        ("tool_choice", {"type": "function"}, False),
        ("tool_choice", {"type": "function", "function": {"name": "f"}}, True),
        ("nothing_known", 1, False),
    ],
)
def test_it_says_what_values_a_field_takes(field: str, value: Any, allowed: bool) -> None:
    assert allows("ChatCompletionRequest", {"model": "m", "messages": [USER], field: value}) is allowed


@pytest.mark.parametrize(
    ("request_", "allowed"),
    [
        ({"prompt": ""}, True),
        ({"prompt": "", "messages": None}, True),
        ({"prompt": "", "messages": [USER]}, False),
        ({"prompt": "", "add_generation_prompt": True}, False),
        ({"messages": [USER], "add_generation_prompt": True}, True),
        ({"messages": [USER], "add_special_tokens": True}, False),
        ({}, False),
    ],
)
def test_it_says_that_what_is_tokenised_is_one_of_two(request_: dict[str, Any], allowed: bool) -> None:
    assert allows("TokenizeRequest", request_) is allowed
