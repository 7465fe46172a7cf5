"""Which requests can go on after their engine's death, and how one becomes several that do. Imports no vLLM."""

from msgspec.structs import replace

from service.engine.info import EngineInfo, Resumption
from service.engine.requests import GenerationRequest


def why_not_resumable(request: GenerationRequest, info: EngineInfo) -> str | None:
    """Why this request cannot go on, once it has told something, exactly as if nothing had happened; None if it can."""
    if info.resumption is Resumption.NEVER:
        return "This engine cannot go on with what another has begun."
    sampling = request.sampling
    if info.resumption is Resumption.UNSEEDED and sampling.seed is not None and sampling.temperature > 0:
        return "This engine cannot go on drawing random numbers from a seed."
    return None


def single_choices(request: GenerationRequest) -> list[GenerationRequest]:
    """One request per choice, each with what that choice has told, and with the seed that vLLM gives it."""
    seed = request.sampling.seed
    return [
        replace(
            request,
            id=f"{request.id}-{index}",
            sampling=replace(request.sampling, n=1, seed=None if seed is None else seed + index),
            emitted=[emitted],
        )
        for index, emitted in enumerate(request.emitted)
    ]
