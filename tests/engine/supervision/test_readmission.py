"""Who is let back in when."""

import asyncio

import pytest

from service.engine.supervision.readmission import Readmission, Ticket
from service.errors import EngineUnavailableError


def admitted(tickets: list[Ticket]) -> list[bool]:
    return [ticket.admitted.done() for ticket in tickets]


async def turn() -> None:
    """Let the loop run what is due."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_nobody_is_let_in_before_the_engine_is_back() -> None:
    ticket = Readmission().join(1)
    await turn()
    assert not ticket.admitted.done()


async def test_few_go_one_at_a_time_and_the_furthest_first() -> None:
    readmission = Readmission()
    tickets = [readmission.join(tokens) for tokens in (5, 0, 9)]
    readmission.open()
    await turn()
    assert admitted(tickets) == [False, False, True]
    tickets[2].prove()
    await turn()
    assert admitted(tickets) == [True, False, True]
    assert [ticket.on_probation for ticket in tickets] == [True, False, False]
    readmission.close()


async def test_many_go_in_groups() -> None:
    readmission = Readmission()
    tickets = [readmission.join(tokens) for tokens in range(64)]
    readmission.open()
    await turn()
    assert sum(admitted(tickets)) == 4
    readmission.close()


async def test_a_death_ends_the_letting_in() -> None:
    readmission = Readmission()
    tickets = [readmission.join(1), readmission.join(0)]
    readmission.open()
    await turn()
    readmission.close()
    tickets[0].prove()
    await turn()
    assert admitted(tickets) == [True, False]


async def test_who_comes_late_is_let_in_too() -> None:
    readmission = Readmission()
    readmission.open()
    await turn()
    late = readmission.join(3)
    await turn()
    assert late.admitted.done()
    readmission.close()


async def test_all_hear_that_the_engine_will_not_come_back() -> None:
    readmission = Readmission()
    before = readmission.join(1)
    readmission.refuse(EngineUnavailableError("Gone."))
    for ticket in (before, readmission.join(1)):
        with pytest.raises(EngineUnavailableError):
            await ticket.admitted
