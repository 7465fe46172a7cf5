"""A response's head waits for the first piece of its body."""

from typing import Any, cast

from service.transport.cycle import Cycle, HeldHead


class Wire:
    """A transport that remembers what was written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


class Holder:
    """What of a cycle concerns its transport."""

    transport: Any = None


def held() -> tuple[Wire, Holder]:
    wire, holder = Wire(), Holder()
    holder.transport = HeldHead(cast(Any, wire), cast(Cycle, holder))
    return wire, holder


def test_head_and_first_piece_leave_together_and_the_rest_as_it_comes() -> None:
    wire, holder = held()
    holder.transport.write(b"head ")
    assert wire.written == []
    for piece in (b"one", b"two"):
        holder.transport.write(piece)
    assert wire.written == [b"head one", b"two"]


def test_the_head_of_an_empty_body_leaves_too() -> None:
    wire, holder = held()
    holder.transport.write(b"head")
    holder.transport.write(b"")
    assert wire.written == [b"head"]


def test_what_breaks_off_behind_the_head_still_tells_it() -> None:
    wire, holder = held()
    holder.transport.write(b"head")
    holder.transport.close()
    assert (wire.written, wire.is_closing()) == ([b"head"], True)
