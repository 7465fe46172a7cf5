"""`Readmission`: lets interrupted generations back into a restarted engine, few at a time.

One of them may be what killed the engine. Each group is on probation until every member has told a new token; if the
engine dies meanwhile, the members are to blame, and not the many that run beside them. Those that had got furthest
go first: they have shown for longest that they do no harm.
"""

import asyncio
import math
from typing import Final

from service.errors import TidegateError

GROUPS: Final = 16
"""Into how many groups those that wait are divided; up to so many wait each for its own turn."""

PROBATION_SECONDS: Final = 1.0
"""How long a group may keep the next one waiting: some tell nothing until they are done, or are not read."""


class Ticket:
    """One interrupted generation's place in the queue. `tokens` is how far it had got."""

    __slots__ = ("admitted", "proven", "tokens")

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.proven: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def on_probation(self) -> bool:
        """It runs again, and has told nothing new yet."""
        return self.admitted.done() and not self.proven.done()

    def prove(self) -> None:
        """It has told something new, or nobody waits for it any more."""
        if not self.proven.done():
            self.proven.set_result(None)

    def admit(self) -> None:
        """It may run."""
        if not self.admitted.done():
            self.admitted.set_result(None)

    def refuse(self, error: TidegateError) -> None:
        """It will never run."""
        if not self.admitted.done():
            self.admitted.set_exception(error)
            self.admitted.exception()  # whoever waits still gets it; nobody need


class Readmission:
    """The queue of those that wait for the engine to be back. Closed at first."""

    def __init__(self) -> None:
        self._waiting: list[Ticket] = []
        self._open = False
        self._admitting: asyncio.Task[None] | None = None
        self._refusal: TidegateError | None = None

    def join(self, tokens: int) -> Ticket:
        """A place in the queue. Some join after the engine is back: who does not read learns late of its death."""
        ticket = Ticket(tokens)
        if self._refusal is not None:
            ticket.refuse(self._refusal)
        else:
            self._waiting.append(ticket)
            self._go_on()
        return ticket

    def open(self) -> None:
        """The engine is back."""
        self._open = True
        self._go_on()

    def close(self) -> None:
        """The engine has died: nobody else is let in."""
        self._open = False
        if self._admitting is not None:
            self._admitting.cancel()
            self._admitting = None

    def _go_on(self) -> None:
        if self._open and (self._admitting is None or self._admitting.done()):
            self._admitting = asyncio.create_task(self._admit())

    def refuse(self, error: TidegateError) -> None:
        """The engine will not come back."""
        self.close()
        self._refusal = error
        for ticket in self._waiting:
            ticket.refuse(error)
        self._waiting.clear()

    async def _admit(self) -> None:
        size = math.ceil(len(self._waiting) / GROUPS)
        while self._waiting:
            self._waiting.sort(key=lambda ticket: ticket.tokens)
            group = [self._waiting.pop() for _ in range(min(size, len(self._waiting)))]
            for ticket in group:
                ticket.admit()
            await asyncio.wait([ticket.proven for ticket in group], timeout=PROBATION_SECONDS)
