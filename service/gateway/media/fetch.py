"""`ImageFetcher`: images from other servers, where the operator allows their hosts.

What the caller learns of a failure is what it needs to mend it, and nothing of the network that this server is in.
"""

import asyncio
from typing import Final

import httpx

from service.errors import InvalidRequestError
from service.gateway.media.allowed_hosts import AllowedHosts
from service.gateway.media.budget import Meter
from service.gateway.media.data_url import MEDIA_TYPES
from service.gateway.media.pinned_transport import PinnedTransport, PrivateAddressError, Resolver, resolve
from service.gateway.media.source import ImageSource
from service.settings import MediaSettings

INSTEAD: Final = "Send the image itself, as 'data:image/png;base64,...'."

ANY_TYPE: Final = frozenset({"application/octet-stream", "binary/octet-stream"})
"""How stores name a file whose type they were not told; its first bytes decide then as ever."""

HEADERS: Final = {"accept": ", ".join(sorted(MEDIA_TYPES)), "accept-encoding": "identity", "user-agent": "tidegate"}


class ImageFetcher:
    """Neither follows redirects nor uses proxies, and remembers nothing between two images."""

    def __init__(self, media: MediaSettings, resolve: Resolver = resolve) -> None:
        self._allowed = AllowedHosts(media.allowed_hosts)
        self._allow_private = media.allow_private_addresses
        self._seconds = media.fetch_timeout_seconds
        self._resolve = resolve
        self._tls = httpx.create_ssl_context()

    async def fetch(self, source: ImageSource, meter: Meter) -> bytes:
        """The file behind a URL. Raises `InvalidRequestError` for whatever keeps it from being got."""
        url = self._checked_url(source)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._get(url, source, meter)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise _failed(source, f"it took longer than {self._seconds:g} s.") from error
        except PrivateAddressError as error:
            raise _failed(source, "its host is not on the public internet.") from error
        except (httpx.TransportError, OSError, UnicodeError) as error:
            raise _failed(source, "its host cannot be reached, or does not answer as it should.") from error

    def _checked_url(self, source: ImageSource) -> httpx.URL:
        try:
            url = httpx.URL(source.url)
        except httpx.InvalidURL as error:
            raise source.refused("invalid_image_url", f"this is no URL. Correct it. {INSTEAD}") from error
        # What some readers take for the end of the host, others do not.
        if url.userinfo or "\\" in source.url:
            raise source.refused(
                "invalid_image_url", "the URL of an image may have neither a user nor a backslash. Leave them out."
            )
        if not self._allowed.allow(url):
            raise source.refused("invalid_image_url", f"this server fetches no images from that host. {INSTEAD}")
        return url

    async def _get(self, url: httpx.URL, source: ImageSource, meter: Meter) -> bytes:
        transport = PinnedTransport(tls=self._tls, resolve=self._resolve, allow_private=self._allow_private)
        async with (
            httpx.AsyncClient(transport=transport, trust_env=False, timeout=self._seconds, headers=HEADERS) as client,
            client.stream("GET", url) as response,
        ):
            _check_head(response, source, meter)
            pieces: list[bytes] = []
            async for piece in response.aiter_raw():
                meter.add(len(piece))
                pieces.append(piece)
            return b"".join(pieces)


def _check_head(response: httpx.Response, source: ImageSource, meter: Meter) -> None:
    if response.has_redirect_location:
        raise _failed(source, "the answer is a redirect.", "Send the URL that it leads to.")
    if response.status_code != httpx.codes.OK:
        raise _failed(source, f"the answer has status {response.status_code}, not 200.")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise _failed(source, "the answer is compressed, though that was not asked for.")
    media_type = response.headers.get("content-type", "application/octet-stream").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES | ANY_TYPE:
        raise source.refused(
            "unsupported_image_media_type",
            "the answer is not declared as an image that is taken here. Send the URL of a PNG, JPEG, WebP or GIF.",
        )
    meter.expect(int(response.headers.get("content-length", 0)))


def _failed(source: ImageSource, why: str, remedy: str = INSTEAD) -> InvalidRequestError:
    return source.refused("failed_to_download_image", f"the image could not be fetched: {why} {remedy}")
