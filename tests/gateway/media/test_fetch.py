"""Images from other servers: which URLs are fetched, which connections are made, and what answers are taken."""

import asyncio
import ssl
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from service.errors import InvalidRequestError
from service.gateway.media.budget import Budget
from service.gateway.media.fetch import ImageFetcher
from service.gateway.media.pinned_transport import PinnedTransport, PrivateAddressError, resolve
from service.gateway.media.source import ImageSource
from service.settings import MediaSettings
from tests.image_server import Pieces, answer, endless, image_server, stalling, trickling
from tests.pictures import picture

FIELD = "messages[0].content[0].image_url.url"
PUBLIC, PRIVATE = "93.184.216.34", "10.1.2.3"


class Names:
    """A resolver that gives these answers one after another, the last for ever, and remembers the questions."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


LOCAL = Names(["127.0.0.1"])


async def fetch(url: str, names: Names = LOCAL, **media: object) -> bytes:
    limits = MediaSettings.model_validate(
        {"allow_private_addresses": True, "fetch_timeout_seconds": 5, "max_image_bytes": 100_000, **media}
    )
    source = ImageSource(url, FIELD)
    return await ImageFetcher(limits, names).fetch(source, Budget(limits).meter(source))


async def refusal(url: str, names: Names = LOCAL, **media: object) -> tuple[str | None, str]:
    with pytest.raises(InvalidRequestError) as refused:
        await fetch(url, names, **media)
    assert refused.value.param == FIELD
    return refused.value.code, refused.value.message


async def answered(pieces: Pieces, **media: object) -> tuple[str | None, str]:
    """The refusal of what a server answers."""
    async with image_server(pieces) as server:
        host = f"images.test:{server.port}"
        return await refusal(f"http://{host}/a.png", allowed_hosts=[host], **media)


async def test_an_image_is_fetched_from_an_allowed_host_by_its_name() -> None:
    names = Names(["127.0.0.1"])
    async with image_server(answer(picture())) as server:
        host = f"images.test:{server.port}"
        assert await fetch(f"http://IMAGES.test:{server.port}/a/b.png?c=d#e", names, allowed_hosts=[host]) == picture()
    (head,) = server.heads
    assert head.startswith(b"GET /a/b.png?c=d HTTP/1.1\r\n") and f"Host: {host}\r\n".encode() in head
    assert b"cookie" not in head.lower() and b"authorization" not in head.lower()
    assert names.asked == [("images.test", server.port)]


HOSTS = ["images.test", "*.cdn.test", "xn--bcher-kva.test", "ports.test:8080", "[2606:4700::1111]"]


@pytest.mark.parametrize(
    "url",
    [
        "http://images.test/",
        "https://images.test:443/",
        "http://images。test/",
        "http://a.cdn.test/",
        "http://a.b.CDN.test/",
        "http://bücher.test/",
        "https://ports.test:8080/",
        "http://[2606:4700::1111]/",
    ],
)
async def test_allowed_hosts_are_resolved(url: str) -> None:
    names = Names([PRIVATE])
    code, _ = await refusal(url, names, allowed_hosts=HOSTS, allow_private_addresses=False)
    assert (code, len(names.asked)) == ("failed_to_download_image", 1)


@pytest.mark.parametrize(
    "url",
    [
        "http://other.test/",
        "http://images.test.other.test/",
        "http://otherimages.test/",
        "http://images.test./",
        "http://cdn.test/",
        "http://.cdn.test/",
        "http://evilcdn.test/",
        "http://a%2f.cdn.test/",
        "http://a b.cdn.test/",
        "http://images.test:8000/",
        "http://images.test:22/",
        "http://a.cdn.test:8080/",
        "https://images.test:80/",
        "http://ports.test/",
        "http://ports.test:8081/",
        "http://user@images.test/",
        "http://user:secret@images.test/",
        "http://images.test:80@other.test/",
        "http://images.test@other.test/",
        "http://other.test\\@images.test/",
        "http://images.test\\.other.test/",
        "http://other.test#@images.test/",
        "http://other.test?@images.test/",
        "http:///images.test/",
        "http://",
        "http:images.test",
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:2606:4700::1111]/",
        "http://\uff11\uff12\uff17.0.0.1/",
        "http://ⓘmages.test/",
        "http://\u0456mages.test/",
        "http://images.test\r\nHost: other.test/",
        "http://images.test\0.other.test/",
        "http://images.test:99999/",
        "http://images.test:80a/",
        "http://" + "a" * 70_000,
    ],
)
async def test_all_other_urls_are_refused_before_anything_is_resolved(url: str) -> None:
    names = Names(["127.0.0.1"])
    code, message = await refusal(url, names, allowed_hosts=HOSTS)
    assert (code, names.asked) == ("invalid_image_url", [])
    assert "secret" not in message and "other.test" not in message


@pytest.mark.parametrize("addresses", [["10.0.0.1"], [PUBLIC, "127.0.0.1"], ["::1"], ["::ffff:8.8.8.8"], ["fe80::1%2"]])
async def test_a_name_with_a_private_address_is_refused_without_a_word_of_it(addresses: list[str]) -> None:
    code, message = await refusal(
        "http://images.test/", Names(addresses), allowed_hosts=["images.test"], allow_private_addresses=False
    )
    assert code == "failed_to_download_image" and "not on the public internet" in message
    assert not any(address in message for address in addresses)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.01", "127.1", "localhost", "0"])
async def test_no_way_to_write_this_machine_passes_even_if_its_name_is_allowed(host: str) -> None:
    limits = MediaSettings(allowed_hosts=[host])
    source = ImageSource(f"http://{host}/", FIELD)
    with pytest.raises(InvalidRequestError) as refused:
        await ImageFetcher(limits, resolve).fetch(source, Budget(limits).meter(source))
    assert refused.value.code in ("failed_to_download_image", "invalid_image_url")


async def test_a_name_that_means_something_else_a_moment_later_is_connected_to_where_it_was_checked() -> None:
    connected: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        connected.append(request)
        return httpx.Response(200)

    names = Names([PUBLIC], ["127.0.0.1"])
    transport = PinnedTransport(httpx.MockTransport(note), tls=ssl.create_default_context(), resolve=names)
    async with httpx.AsyncClient(transport=transport) as client:
        await client.get("https://images.test/a")
    (request,) = connected
    assert (request.url.host, request.headers["host"]) == (PUBLIC, "images.test")
    assert (request.extensions["sni_hostname"], names.asked) == ("images.test", [("images.test", 443)])


async def test_every_request_is_checked_anew() -> None:
    names = Names([PUBLIC], [PRIVATE])
    inner = httpx.MockTransport(lambda request: httpx.Response(200))
    transport = PinnedTransport(inner, tls=ssl.create_default_context(), resolve=names)
    async with httpx.AsyncClient(transport=transport) as client:
        await client.get("https://images.test/a")
        with pytest.raises(PrivateAddressError):
            await client.get("https://images.test/a")


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    async with image_server(answer(picture())) as server:
        host = f"images.test:{server.port}"
        names = Names(["127.0.0.2", "127.0.0.1"])
        assert await fetch(f"http://{host}/", names, allowed_hosts=[host]) == picture()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of images.test with its key, in one file."""
    file = tmp_path_factory.mktemp("tls") / "images.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=images.test", "-days", "2"]
    command += ["-addext", "subjectAltName=DNS:images.test", "-keyout", str(file), "-out", f"{file}.crt"]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    file.write_bytes(file.read_bytes() + Path(f"{file}.crt").read_bytes())
    return file


@pytest.mark.parametrize(("host", "passes"), [("images.test", True), ("other.test", False)])
async def test_a_certificate_is_checked_against_the_name(certificate: Path, host: str, passes: bool) -> None:
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    ours = ssl.create_default_context(cafile=f"{certificate}.crt")
    async with image_server(answer(picture()), theirs) as server:
        transport = PinnedTransport(tls=ours, resolve=Names(["127.0.0.1"]), allow_private=True)
        async with httpx.AsyncClient(transport=transport) as client:
            request = client.get(f"https://{host}:{server.port}/a")
            if passes:
                assert (await request).content == picture()
            else:
                with pytest.raises(httpx.ConnectError, match="certificate"):
                    await request


async def test_an_unknown_certificate_is_a_host_that_does_not_answer(certificate: Path) -> None:
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    async with image_server(answer(picture()), theirs) as server:
        host = f"images.test:{server.port}"
        code, _ = await refusal(f"https://{host}/", allowed_hosts=[host])
    assert (code, server.heads) == ("failed_to_download_image", [])


PNG_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n"

ANSWERS = {
    "redirect": (answer(b"", "Location: http://images.test/b", status="302 Found"), "redirect"),
    "redirect inward": (answer(b"", "Location: http://169.254.169.254/", status="307 Moved"), "redirect"),
    "not found": (answer(b"", status="404 Not Found"), "status 404"),
    "part": (answer(picture(), status="206 Partial Content"), "status 206"),
    "nothing": (answer(b"", status="204 No Content"), "status 204"),
    "compressed": (answer(picture(), "Content-Encoding: gzip"), "compressed"),
    "cut off": (answer(picture()[:50], f"Content-Length: {len(picture())}"), "does not answer as it should"),
    "cut chunk": (answer(b"5\r\nab", "Transfer-Encoding: chunked", "Content-Length: 0"), "does not answer"),
    "no HTTP": (answer(b"", "\0: x"), "does not answer as it should"),
    "endless head": (endless(PNG_HEAD, b"X: y\r\n" * 1000), "does not answer as it should"),
    "length beyond reason": (answer(b"", "Content-Length: " + "9" * 5000), "does not answer as it should"),
    "negative length": (answer(b"", "Content-Length: -5"), "does not answer as it should"),
}


@pytest.mark.parametrize(("pieces", "why"), ANSWERS.values(), ids=ANSWERS)
async def test_answers_that_are_no_image_are_refused(pieces: Pieces, why: str) -> None:
    code, message = await answered(pieces)
    assert code == "failed_to_download_image" and why in message and "Send" in message
    assert "169.254" not in message


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "application/json", "video/mp4"])
async def test_other_types_are_refused(content_type: str) -> None:
    code, _ = await answered(answer(picture(), content_type=content_type))
    assert code == "unsupported_image_media_type"


@pytest.mark.parametrize("content_type", ["image/png; charset=binary", "IMAGE/JPG", "application/octet-stream", ""])
async def test_types_that_may_be_an_image_are_taken(content_type: str) -> None:
    async with image_server(answer(picture(), content_type=content_type)) as server:
        host = f"images.test:{server.port}"
        assert await fetch(f"http://{host}/", allowed_hosts=[host]) == picture()


TOO_LARGE = {
    "declared": answer(b"", "Content-Length: 100001"),
    "endless": endless(PNG_HEAD + b"\r\n", b"x" * 10_000),
    "endless chunks": endless(PNG_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"2710\r\n" + b"x" * 10_000 + b"\r\n"),
}


@pytest.mark.parametrize("pieces", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_a_body_over_the_cap_is_left_unread(pieces: Pieces) -> None:
    code, message = await answered(pieces)
    assert code == "image_file_too_large" and "may have 100000 at most" in message


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\n", PNG_HEAD + b"Content-Length: 500\r\n\r\n\x89PNG"])
async def test_a_slow_answer_is_given_up(beginning: bytes) -> None:
    began = time.monotonic()
    code, message = await answered(stalling(beginning), fetch_timeout_seconds=0.2)
    assert code == "failed_to_download_image" and "longer than 0.2 s" in message
    assert time.monotonic() - began < 3


async def test_an_answer_that_trickles_is_given_up() -> None:
    head = PNG_HEAD + b"Content-Length: 5000\r\n\r\n"
    _, message = await answered(trickling(head), fetch_timeout_seconds=0.3)
    assert "longer than 0.3 s" in message


async def test_a_slow_resolver_is_given_up() -> None:
    class Silent(Names):
        async def __call__(self, host: str, port: int) -> Sequence[str]:
            await asyncio.Event().wait()
            return []

    _, message = await refusal("http://a.test/", Silent(), allowed_hosts=["a.test"], fetch_timeout_seconds=0.2)
    assert "longer than 0.2 s" in message


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with image_server(answer(picture())) as server:
        host = f"images.test:{server.port}"
        assert await fetch(f"http://{host}/", allowed_hosts=[host]) == picture()
