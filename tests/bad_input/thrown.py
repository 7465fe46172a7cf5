"""`throw`: sends a row and says what came back. `listing`: the list of input, answer and time."""

import asyncio
import json
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.api.connection import Answer, dial
from tests.bad_input.row import CHAT, Row, post

GENEROUS: Final = 10
GENEROUS_SECONDS: Final = 5.0
"""How many times its deadline, and how long in any case, a row may take in a test: machines are shared, and the list
shows the time anyway."""

PATIENCE_SECONDS: Final = 60.0

ATTEMPTS: Final = 4
"""A machine too busy to compile a form in time says 503 and asks to come again, as it should."""


@dataclass(frozen=True, slots=True)
class Thrown:
    """What came back."""

    row: Row
    status: int
    code: str | None
    param: str | None
    seconds: float
    faults: tuple[str, ...]

    @property
    def line(self) -> str:
        """One line of the list."""
        answer = f"{self.status} {self.code or ''} {self.param or ''}".strip()
        mark = "  WRONG: " + "; ".join(self.faults) if self.faults else ""
        return f"{self.seconds * 1000:8.1f} ms  {answer[:60]:<60}  {ascii(str(self.row))[1:-1]}{mark}"


async def throw(port: int, model: str, row: Row) -> Thrown:
    """Send it on a connection of its own."""
    async with dial(port) as connected:
        began = time.monotonic()
        sending = asyncio.create_task(connected.send(*row.pieces(model)))
        answer = await connected.answer(seconds=PATIENCE_SECONDS)
        seconds = time.monotonic() - began
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    error = json.loads(answer.body).get("error", {}) if answer.status >= 400 else {}
    faults = (*_faults(row, answer, error), *_shape(answer, error))
    if seconds > max(GENEROUS * row.milliseconds / 1000, GENEROUS_SECONDS):
        faults = (*faults, f"{seconds * 1000:.0f} ms instead of {row.milliseconds}")
    return Thrown(row, answer.status, error.get("code"), error.get("param"), seconds, faults)


async def throw_until_judged(port: int, model: str, row: Row) -> Thrown:
    """The same, but come again where a form could not be judged for now."""
    for _ in range(ATTEMPTS):
        thrown = await throw(port, model, row)
        if (row.group, thrown.status, thrown.code) != ("grammars", 503, "server_is_overloaded"):
            break
        await asyncio.sleep(1)
    return thrown


def _faults(row: Row, answer: Answer, error: dict[str, object]) -> Iterable[str]:
    if answer.status != row.status:
        yield f"{answer.status} instead of {row.status}"
    if row.code is not None and error.get("code") != row.code:
        yield f"code {error.get('code')} instead of {row.code}"
    if row.status >= 400 and row.param is not ... and error.get("param") != row.param:
        yield f"param {error.get('param')} instead of {row.param}"


def _shape(answer: Answer, error: dict[str, object]) -> Iterable[str]:
    """What every answer must be, whatever was asked."""
    if not re.fullmatch(r"[a-z0-9._-]{1,128}", answer.headers.get("x-request-id", "")):
        yield "no harmless x-request-id"
    if answer.status >= 400:
        if set(error) != {"message", "type", "param", "code"} or not isinstance(error["code"], str):
            yield "not OpenAI's shape of an error"
        elif not str(error["message"]).isprintable():
            yield "an unprintable message"


async def canary(port: int, model: str) -> str:
    """What the model says to a question that is always the same."""
    question = [{"role": "user", "content": "What is the capital of France?"}]
    body = {"model": model, "messages": question, "temperature": 0, "max_tokens": 4}
    async with dial(port) as connected:
        await connected.send(post(CHAT, body))
        answer = await connected.answer(seconds=PATIENCE_SECONDS)
    assert answer.status == 200, answer
    return str(json.loads(answer.body)["choices"][0]["message"]["content"])


async def throw_all(port: int, model: str, rows: Sequence[Row], *, every: int = 50) -> list[Thrown]:
    """One after the other, so that their times mean something, but for those that wait for a deadline.

    A canary flies in between, `every` so many; it must always sing the same.
    """
    patient = [row for row in rows if row.group == "slowness"]
    waiting = [asyncio.create_task(throw(port, model, row)) for row in patient]
    song = await canary(port, model)
    thrown = []
    for index, row in enumerate(row for row in rows if row not in patient):
        thrown.append(await throw_until_judged(port, model, row))
        if index % every == every - 1:
            assert await canary(port, model) == song, f"the canary sings another song after {row}"
    thrown += await asyncio.gather(*waiting)
    assert await canary(port, model) == song, "the canary sings another song at the end"
    return thrown


def listing(thrown: Sequence[Thrown]) -> list[str]:
    """The list, and a line of sums."""
    wrong = sum(bool(each.faults) for each in thrown)
    late = sum(each.seconds * 1000 > each.row.milliseconds for each in thrown)
    return [
        *(each.line for each in thrown),
        f"{len(thrown)} bad inputs: {wrong} answered wrongly, {late} later than their deadline on this machine",
    ]
