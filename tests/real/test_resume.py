"""vLLM in float32, as the service runs it, keeps the contract of resumed requests: with adapters and long prompts too.

In bfloat16 reading the same tokens again can tip a near-tie, which is nobody's fault.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from msgspec.structs import replace

from service.engine.base import Engine
from service.engine.factory import build_engine
from service.engine.info import Resumption
from service.engine.prompts import TextPrompts
from service.engine.requests import GenerationRequest
from service.models import bundled
from service.settings import EngineSettings, Settings
from service.telemetry import Telemetry
from tests.engine.resume_contract import CHAT, ResumeContract, asked, check, cut_off, greedy, read, told
from tests.peft_folder import bundled_adapter

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(400),
    # torch uses its own deprecated interfaces when it is imported.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]

TOKENS_A_STEP = 256
"""Longer prompts are read in pieces."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    bundled.prepare(lambda done: None)
    tuned = bundled_adapter(tmp_path_factory.mktemp("tuned"), seed=1)
    further = {"dtype": "float32", "max_num_batched_tokens": TOKENS_A_STEP}
    settings = EngineSettings(lora_adapters={"tuned": str(tuned)}, extra=further)
    running = build_engine(Settings(engine=settings), Telemetry())
    info = await running.start(lambda health: None)
    assert info.resumption is Resumption.ALWAYS
    yield running
    await running.aclose()


class TestResumedVllm(ResumeContract):
    """See the contract."""

    async def test_an_adapter_and_a_salt_go_on(self, engine: Engine) -> None:
        request = await asked(engine, CHAT, greedy(), None)
        base = await read(engine, request)
        tuned = await check(engine, replace(request, id="tuned", adapter="tuned", cache_salt="a customer's"))
        assert told(tuned, 0)["text"] != told(base, 0)["text"]

    async def test_a_seed_and_a_prompt_that_is_read_in_pieces_get_on(self, engine: Engine) -> None:
        # Beside a request that runs: vLLM draws for all of a batch, for those whose prompt it still reads as well.
        beside = await asked(engine, CHAT, greedy(max_tokens=200), None)
        running = asyncio.create_task(read(engine, beside))
        for tokens in (TOKENS_A_STEP - 20, 3 * TOKENS_A_STEP):
            prompt = TextPrompts(prompts=[[260 + at % 700 for at in range(tokens)]])
            await check(engine, await asked(engine, prompt, greedy(temperature=1.0, seed=7, max_tokens=24), None))
        await running

    async def test_many_go_on_at_once(self, engine: Engine) -> None:
        base = await asked(engine, CHAT, greedy(), None)
        requests: list[GenerationRequest] = [
            replace(base, id=f"many-{at}", sampling=greedy(temperature=1.0, seed=at, presence_penalty=at / 8))
            for at in range(16)
        ]
        undisturbed = await asyncio.gather(*(read(engine, request) for request in requests))
        cut = [cut_off(*each, 1 + 2 * at) for at, each in enumerate(zip(requests, undisturbed, strict=True))]
        resumed = await asyncio.gather(*(read(engine, request) for request in cut))
        assert [told(each, 0) for each in resumed] == [told(each, 0) for each in undisturbed]
