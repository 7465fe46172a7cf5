"""The engine arguments of the installed vLLM, read without importing it."""

import importlib.util
import subprocess
import sys

import pytest

from service.engine.vllm_fields import engine_arguments, read_fields
from service.settings import EngineSettings

SOURCE = """
LIMIT: int = 3
@dataclass
class EngineArgs:
    model: str = "x"
    enable_lora: bool | None = field(default=None)
    unannotated = 1
class Other:
    name: str
class AsyncEngineArgs(EngineArgs):
    enable_log_requests: bool = False
"""


def test_annotated_fields_of_both_classes_are_read() -> None:
    assert read_fields(SOURCE) == {"model": "str", "enable_lora": "bool | None", "enable_log_requests": "bool"}


@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
def test_the_installed_vllm_is_read_and_not_imported() -> None:
    code = "import sys; from service.engine.vllm_fields import engine_arguments as read; "
    code += "print(read()['tensor_parallel_size'], 'vllm' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert answer.stdout.split() == ["int", "False"]


@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
def test_all_that_is_passed_on_is_known_to_vllm() -> None:
    # Every optional text set: whatever is passed on only when it is given is then passed on.
    optional = {name: "x" for name, field in EngineSettings.model_fields.items() if field.default is None}
    numbers = {name: 1 for name in optional if name.startswith(("max_", "block_", "kv_"))}
    flags = {"enforce_eager": True, "enable_chunked_prefill": True, "served_model_name": ["x"]}
    every = EngineSettings.model_validate({**optional, **numbers, **flags, "speculative_config": {}})
    assert set(every.vllm_arguments()) <= set(engine_arguments())
    assert len(every.vllm_arguments()) == len(EngineSettings.model_fields) - 7


def test_without_vllm_there_are_none() -> None:
    # -S: no site-packages, and with them no vLLM; the module needs nothing but the standard library.
    code = "import runpy; print(len(runpy.run_path('service/engine/vllm_fields.py')['engine_arguments']()))"
    answer = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert answer.stdout == "0\n"
