"""Keeps adapters away from requests for the base model, where vLLM 0.32 on CPU mixes them up. Imports vLLM.

There a token without an adapter has index -1, which PyTorch reads as the last adapter: in a batch with requests of
both kinds, requests for the base model were answered with that adapter's weights. The kernels for GPUs skip -1.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from vllm.lora.ops.torch_ops import lora_ops
from vllm.lora.punica_wrapper import punica_cpu


def install() -> None:
    """Correct vLLM's function wherever it is called from. Idempotent."""
    if not hasattr(lora_ops.bgmv_shrink, "__wrapped__"):
        lora_ops.bgmv_shrink = punica_cpu.bgmv_shrink = without_base_rows(lora_ops.bgmv_shrink)


def without_base_rows(shrink: Callable[..., None]) -> Callable[..., None]:
    """The same, with nothing left of an adapter in the rows that have none. What they add up to later is then 0."""

    @wraps(shrink)
    def bgmv_shrink(
        inputs: torch.Tensor, weights: torch.Tensor, output: torch.Tensor, indices: torch.Tensor, *rest: Any
    ) -> None:
        shrink(inputs, weights, output, indices, *rest)
        output.masked_fill_((indices < 0).unsqueeze(1), 0)

    return bgmv_shrink
