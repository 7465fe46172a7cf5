"""Embeddings by vLLM: one prompt in, one packed vector out. Imports vLLM."""

from vllm.exceptions import GracefulHTTPError, VLLMClientError
from vllm.outputs import PoolingRequestOutput
from vllm.pooling_params import PoolingParams
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError

from service.engine.deltas import Embedding
from service.engine.requests import EmbeddingRequest
from service.engine.vllm_translate import translate
from service.errors import InternalError


async def embed(llm: AsyncLLM, request: EmbeddingRequest) -> Embedding:
    """The prompt's vector. vLLM aborts the request itself when this is cancelled. Raises what `translate` gives."""
    params = PoolingParams(task="embed", dimensions=request.dimensions)
    prompt = {"type": "token", "prompt_token_ids": request.prompt.token_ids}
    outputs = llm.encode(prompt, params, request.id, trace_headers=request.trace_headers)
    try:
        (output,) = [each async for each in outputs]
    except (EngineDeadError, GracefulHTTPError, VLLMClientError, ValueError) as error:
        raise translate(error) from error
    return _packed(output)


def _packed(output: PoolingRequestOutput) -> Embedding:
    if output.error is not None:
        raise InternalError(f"The engine failed on this request: {output.error.message}")
    vector = output.outputs.data.float().cpu().numpy().astype("<f4").tobytes()
    return Embedding(vector, len(output.prompt_token_ids), output.num_cached_tokens)
