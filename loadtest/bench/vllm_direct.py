"""`AsyncLLM.generate` with nothing around it: `... vllm_direct PROMPT TOKENS REQUESTS [settings]`. Imports vLLM.

Prints seconds to the first output of each request, one after another, as a JSON list. The engine is configured by
the very functions that the service uses, so that both differ in nothing but what lies between the client and it.
"""

import os
import sys
import time
from collections.abc import Sequence

import msgspec
import uvloop

from service.engine.step_clock import StepClock
from service.engine.vllm_environment import derived_arguments, detect_accelerator, environment
from service.models import bundled
from service.settings import load_settings


async def measure(arguments: dict[str, object], prompt: str, tokens: int, requests: int) -> list[float]:
    """Build the engine, then ask it `requests` times."""
    # vLLM reads its environment when it is imported, so it must not be before main() has set it.
    from vllm.sampling_params import RequestOutputKind, SamplingParams

    from service.engine.vllm_launch import build_config, launch

    llm = launch(build_config(arguments), StepClock())
    try:
        messages = [{"role": "user", "content": prompt}]
        tokenizer = llm.renderer.get_tokenizer()
        ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        sampling = SamplingParams(
            temperature=0, max_tokens=tokens, ignore_eos=True, output_kind=RequestOutputKind.DELTA
        )
        seconds = []
        for number in range(requests):
            sent, first = time.perf_counter(), None
            async for _ in llm.generate({"type": "token", "prompt_token_ids": ids}, sampling, str(number)):
                first = first or time.perf_counter() - sent
            seconds.append(first or 0.0)
        return seconds
    finally:
        llm.shutdown()


def main(words: Sequence[str]) -> None:
    """Configure as `service.engine.vllm` does, measure, print."""
    prompt, tokens, requests, *options = words
    engine = load_settings(options, os.environ).settings.engine
    accelerator = detect_accelerator(engine)
    model = str(bundled.prepare(lambda _: None)) if bundled.is_bundled(engine.model) else engine.model
    os.environ.update(environment(engine, accelerator, model, os.environ))
    arguments = derived_arguments(engine, accelerator, model)
    print(msgspec.json.encode(uvloop.run(measure(arguments, prompt, int(tokens), int(requests)))).decode())


if __name__ == "__main__":
    main(sys.argv[1:])
