"""A keep-alive connection that sends the same request again and again, and the moments at which things happened."""

import socket
import time
from typing import Final

from loadtest.bench.response import Expected, LoadError, Response

SAMPLE: Final = 10


class Connection:
    """One client of the load generator. Knows sockets and clocks; `Response` knows what the bytes mean."""

    def __init__(self, port: int, request: bytes, expected: Expected) -> None:
        self._request = request
        self._response = Response(expected)
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._sent_at = 0.0
        self.sent = 0
        """Requests sent so far."""
        self.events = 0
        """`data:` events of the responses so far."""
        self.writes: list[int] = []
        """Writes that the server made for a response, of every `SAMPLE`th."""
        self.first_token_seconds: list[float] = []
        self.response_seconds: list[float] = []

    def fileno(self) -> int:
        """For the poller."""
        return self._socket.fileno()

    def send(self) -> None:
        """Send the next request; it is small enough for any empty socket buffer."""
        self._response.clear()
        self.sent += 1
        self._sent_at = time.perf_counter()
        self._socket.sendall(self._request)

    def receive(self) -> bool:
        """Read once. True when that ended the response, which has then been checked."""
        count = self._socket.recv_into(self._response.space())
        if not count:
            raise LoadError("the server closed the connection before the response was whole")
        waiting_for_text = not self._response.has_text
        whole = self._response.received(count)
        if waiting_for_text and self._response.has_text:
            self.first_token_seconds.append(time.perf_counter() - self._sent_at)
        if whole:
            self.response_seconds.append(time.perf_counter() - self._sent_at)
            self.events += self._response.events()
            if self.sent % SAMPLE == 1:
                self.writes.append(self._response.writes())
        return whole

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
