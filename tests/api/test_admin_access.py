"""Who may change what is served over the management listener, and who may only look."""

from typing import Any

import httpx
import pytest

from service.admin_access import is_loopback
from service.settings import ManagementSettings
from tests.api.live import live_app, settings
from tests.api.test_failures import error_of

TOKEN = "a-token-of-the-operator"
CHANGES = ["/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/v1/nothing"]
PUBLIC = ["/health/live", "/health/ready", "/metrics"]


async def answer(
    method: str, path: str, headers: dict[str, str] | None = None, body: Any = None, **management: Any
) -> httpx.Response:
    """The answer of a management listener with these settings. Its real address is loopback, whatever they say."""
    chosen = settings().model_copy(update={"management": ManagementSettings.model_validate(management)})
    async with live_app(chosen) as app, httpx.AsyncClient(base_url=app.management_url, timeout=10) as client:
        return await client.request(method, path, headers=headers, json=body)


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize(
    "given", [None, "", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN]
)
async def test_without_the_token_nothing_is_changed(path: str, given: str | None) -> None:
    headers = {} if given is None else {"authorization": given}
    refused = await answer("POST", path, headers, {}, token=TOKEN)
    assert (refused.status_code, error_of(refused)["code"]) == (401, "invalid_api_key")
    assert refused.headers["www-authenticate"] == "Bearer"


async def test_all_that_is_wrong_with_a_token_is_answered_alike() -> None:
    bodies = [
        (await answer("POST", CHANGES[0], {"authorization": given}, {}, token=TOKEN)).content
        for given in ("Bearer x", "Basic x", f"Bearer {TOKEN}x")
    ]
    assert len(set(bodies)) == 1


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_with_the_token_the_request_is_looked_at(scheme: str, host: str) -> None:
    headers = {"authorization": f"{scheme} {TOKEN}"}
    looked_at = await answer("POST", "/v1/unload_lora_adapter", headers, {"lora_name": "x"}, token=TOKEN, host=host)
    assert (looked_at.status_code, error_of(looked_at)["param"]) == (404, "lora_name")


async def test_the_query_is_no_place_for_the_token() -> None:
    refused = await answer("POST", f"/v1/load_lora_adapter?token={TOKEN}&api_key={TOKEN}", body={}, token=TOKEN)
    assert refused.status_code == 401


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH", "OPTIONS"])
async def test_without_a_token_a_listener_for_others_lets_nobody_change_anything(method: str) -> None:
    refused = await answer(method, CHANGES[0], host="0.0.0.0")
    assert (refused.status_code, error_of(refused)["code"]) == (403, "permission_denied")
    assert "Set management.token" in error_of(refused)["message"]


async def test_without_a_token_this_machine_may_change_things_but_no_web_page_in_its_browser() -> None:
    ours = await answer("POST", "/v1/unload_lora_adapter", body={"lora_name": "x"})
    page = await answer("POST", "/v1/unload_lora_adapter", {"origin": "http://evil.example"}, {"lora_name": "x"})
    assert (ours.status_code, page.status_code) == (404, 403)


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}])
async def test_a_change_that_is_not_declared_as_json_is_refused(headers: dict[str, str]) -> None:
    async with live_app(settings()) as app, httpx.AsyncClient(base_url=app.management_url) as client:
        refused = await client.post(CHANGES[1], content=b'{"lora_name":"x"}', headers=headers)
    assert (refused.status_code, error_of(refused)["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("path", PUBLIC)
@pytest.mark.parametrize("management", [{"token": TOKEN}, {"host": "0.0.0.0"}])
async def test_looking_needs_no_token(path: str, management: dict[str, str]) -> None:
    for method in ("GET", "HEAD"):
        assert (await answer(method, path, **management)).status_code == 200


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_what_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
