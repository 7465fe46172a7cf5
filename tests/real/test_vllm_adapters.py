"""When vLLM is told of an adapter, and when to forget it. vLLM itself only takes notes here."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from service.errors import InternalError, InvalidRequestError, ModelNotFoundError

if TYPE_CHECKING:
    from service.engine.vllm_adapters import VllmAdapters

pytestmark = [
    pytest.mark.engine,
    # torch uses its own deprecated interfaces when it is imported.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]


class Notes:
    """Stands for AsyncLLM: writes down what it is told, and refuses adapters while `broken`."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.broken = False
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def add_lora(self, request: Any) -> bool:
        self.told.append(f"add {request.lora_name}")
        await self.goes_on.wait()
        if self.broken:
            raise Exception("Call to add_lora method failed:\n shapes")  # as vLLM raises it
        return True

    async def remove_lora(self, number: int) -> bool:
        self.told.append(f"remove {number}")
        return True


@pytest.fixture
def notes() -> Notes:
    return Notes()


def adapters_of(notes: Notes, *names: str, capacity: int = 3) -> "VllmAdapters":
    """Adapters of the settings."""
    from service.engine.vllm_adapters import VllmAdapters

    return VllmAdapters(notes, {name: Path("/x") for name in names}, capacity=capacity)


async def test_an_adapter_is_loaded_once_by_whoever_comes_first(notes: Notes) -> None:
    adapters = adapters_of(notes, "law", "poems")
    assert notes.told == []
    held = [adapters.hold("law") for _ in range(3)]
    await asyncio.gather(*(adapter.load() for adapter in held))
    assert notes.told == ["add law"]


async def test_an_unloaded_adapter_is_forgotten_when_its_last_holder_lets_go(notes: Notes) -> None:
    adapters = adapters_of(notes, "law")
    first, second = adapters.hold("law"), adapters.hold("law")
    await first.load()
    await adapters.unload("law")
    await adapters.release(first)
    assert notes.told == ["add law"]
    with pytest.raises(ModelNotFoundError):
        adapters.hold("law")
    await adapters.release(second)
    assert notes.told == ["add law", "remove 1"]


async def test_what_vllm_refuses_is_removed_and_tried_again_next_time(notes: Notes) -> None:
    adapters, notes.broken = adapters_of(notes), True
    with pytest.raises(InvalidRequestError, match="failed: shapes"):
        await adapters.load("law", Path("/x"))
    assert (adapters.names, notes.told) == ((), ["add law", "remove 1"])
    notes.broken = False
    await adapters.load("law", Path("/x"))
    assert adapters.names == ("law",)


async def cancelled_half_way(loading: asyncio.Task[None], notes: Notes) -> None:
    """Cancel it once vLLM was told, and before it is done."""
    notes.goes_on.clear()
    async with asyncio.timeout(5):
        while not notes.told:
            await asyncio.sleep(0)
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading


async def test_a_load_that_is_cancelled_leaves_nothing_in_vllm(notes: Notes) -> None:
    adapters = adapters_of(notes, capacity=1)
    await cancelled_half_way(asyncio.create_task(adapters.load("law", Path("/x"))), notes)
    assert (adapters.names, notes.told) == ((), ["add law"])
    with pytest.raises(InvalidRequestError, match="room for 1"):
        await adapters.load("law", Path("/x"))
    notes.goes_on.set()
    async with asyncio.timeout(5):
        while notes.told != ["add law", "remove 1"]:
            await asyncio.sleep(0)
    await adapters.load("law", Path("/x"))
    assert notes.told[2:] == ["add law#2"]


async def test_whoever_waits_for_the_same_adapter_gets_it_though_the_first_went_away(notes: Notes) -> None:
    adapter = adapters_of(notes, "law").hold("law")
    first = asyncio.create_task(adapter.load())
    second = asyncio.create_task(adapter.load())
    await cancelled_half_way(first, notes)
    notes.goes_on.set()
    await second
    assert notes.told == ["add law"]


async def test_a_name_used_again_is_another_adapter_to_vllm(notes: Notes) -> None:
    adapters = adapters_of(notes, "law")
    await adapters.hold("law").load()
    await adapters.unload("law")
    await adapters.load("law", Path("/x"))
    assert notes.told == ["add law", "add law#2"]


async def test_adapters_that_are_leaving_still_take_room(notes: Notes) -> None:
    adapters = adapters_of(notes, "law", capacity=1)
    held = adapters.hold("law")
    await adapters.unload("law")
    with pytest.raises(InvalidRequestError, match=r"raise engine\.max_cpu_loras"):
        await adapters.load("poems", Path("/x"))
    await adapters.release(held)
    await adapters.load("poems", Path("/x"))


async def test_a_request_for_an_adapter_that_cannot_be_loaded_fails_alone(notes: Notes) -> None:
    from service.engine.vllm_adapter_stream import AdapterStream

    adapters, notes.broken = adapters_of(notes, "law"), True
    stream = AdapterStream(adapters, "law", lambda request: pytest.fail("it must not begin"))
    with pytest.raises(InternalError, match="'law' cannot be loaded"):
        await anext(stream)
    await stream.aclose()
    await stream.aclose()
    assert adapters.hold("law").holders == 1
