"""CPU seconds per 1,000 deltas of the stub behind vLLM's front end: `... vllm_stub_cost MODEL TOKENS`. Imports vLLM."""

import asyncio
import sys
import time
from typing import Final

from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.sampling_params import RequestOutputKind, SamplingParams

from loadtest.bench.vllm_stub import StubEngine

REQUESTS: Final = 2000


async def measure(model: str, tokens: int) -> float:
    """Read the stub as `OpenAIServingChat` does, and drop what comes."""
    engine = StubEngine(AsyncEngineArgs(model=model).create_engine_config(), render_each=False)
    sampling = SamplingParams(max_tokens=tokens, output_kind=RequestOutputKind.DELTA)
    started = time.process_time()
    for number in range(REQUESTS):
        async for _ in engine.generate({"prompt_token_ids": [1]}, sampling, str(number)):
            pass
    return (time.process_time() - started) / (REQUESTS * tokens) * 1000


if __name__ == "__main__":
    print(asyncio.run(measure(sys.argv[1], int(sys.argv[2]))))
