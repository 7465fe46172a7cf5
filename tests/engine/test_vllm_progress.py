"""vLLM's log lines as progress; the lines are vLLM 0.32's own."""

import pytest

from service.engine.base import Health, Phase
from service.engine.vllm_progress import read_progress


@pytest.mark.parametrize(
    ("line", "health"),
    [
        ("Loading safetensors checkpoint shards:  50% Completed | 1/2", Health(Phase.LOADING_WEIGHTS, 0.5)),
        ("(Worker pid=1) INFO [cpu_model_runner.py:68] Starting to load model /m...", Health(Phase.LOADING_WEIGHTS)),
        ("INFO [backends.py] Dynamo bytecode transform time: 3.1 s", Health(Phase.COMPILING)),
        ("INFO [kv_cache_utils.py:2327] CPU KV cache size: 93,184 tokens", Health(Phase.WARMING_UP)),
        ("INFO something else", None),
    ],
)
def test_lines_stand_for_phases(line: str, health: Health | None) -> None:
    assert read_progress(line) == health
