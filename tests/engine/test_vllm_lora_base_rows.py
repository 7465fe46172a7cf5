"""vLLM's function on CPU, corrected: a token without an adapter gets nothing of one."""

import torch
from vllm.lora.ops.torch_ops import lora_ops
from vllm.lora.punica_wrapper import punica_cpu

from service.engine import vllm_lora_base_rows


def test_rows_without_an_adapter_stay_empty() -> None:
    vllm_lora_base_rows.install()
    vllm_lora_base_rows.install()
    output = torch.full((3, 2), 7.0)
    punica_cpu.bgmv_shrink(torch.ones(3, 4), torch.ones(1, 1, 2, 4), output, torch.tensor([-1, 0, -1]), 0.5)
    assert output.tolist() == [[0, 0], [2, 2], [0, 0]]
    assert punica_cpu.bgmv_shrink is lora_ops.bgmv_shrink
