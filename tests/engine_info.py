"""A description of an engine, for tests that need some."""

import msgspec

from service.engine.info import EngineInfo

INFO = EngineInfo(
    model="sim",
    served_model_names=("sim",),
    max_model_len=100,
    vocab_size=300,
    kv_cache_tokens=1000,
    max_concurrency=10.0,
    max_num_seqs=4,
    tensor_parallel_size=1,
    pipeline_parallel_size=1,
    data_parallel_size=1,
    version="simulated",
)


def with_images(number: int) -> EngineInfo:
    """The same with a model that takes so many images."""
    return msgspec.structs.replace(INFO, max_images=number)
