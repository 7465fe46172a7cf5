"""What vLLM loads in each of its processes: `vllm.general_plugins` in `pyproject.toml`. Imports vLLM."""

from service.engine import vllm_lora_base_rows, vllm_resume_plugin


def install() -> None:
    """The plugin's entry point. Idempotent, for vLLM may load a plugin more than once."""
    vllm_resume_plugin.install()
    vllm_lora_base_rows.install()
