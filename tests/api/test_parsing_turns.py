"""Between two costly bodies the event loop has its turn."""

import asyncio
import itertools

from service.api.parsing_turns import HEAVY_COST, ParsingTurns


async def order_of(costs: list[int]) -> list[str]:
    """What happened in turn: bodies parsed, and ticks of the event loop."""
    turns, happened = ParsingTurns(), list[str]()

    async def parse(cost: int) -> None:
        await turns.wait(cost)
        happened.append("parsed")

    bodies = [asyncio.create_task(parse(cost)) for cost in costs]
    while not all(body.done() for body in bodies):
        await asyncio.sleep(0)
        happened.append("tick")
    return happened


async def test_costly_bodies_are_parsed_one_in_a_turn() -> None:
    happened = await order_of([HEAVY_COST] * 5)
    assert happened.count("parsed") == 5
    assert ("parsed", "parsed") not in set(itertools.pairwise(happened))


async def test_small_bodies_do_not_wait() -> None:
    assert (await order_of([HEAVY_COST - 1] * 5))[:5] == ["parsed"] * 5
