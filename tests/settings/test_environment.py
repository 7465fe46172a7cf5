"""How variables are read, and which are not ours though they begin with TIDEGATE_."""

import pytest

from tests.settings.loading import load


def test_section_and_name_are_told_apart() -> None:
    loaded = load(
        environ={"TIDEGATE_ENGINE_TENSOR_PARALLEL_SIZE": "3", "TIDEGATE_ENGINE_ENABLE_LORA": "true", "HOME": "/root"}
    )
    assert loaded.settings.engine.tensor_parallel_size == 3
    assert loaded.settings.engine.extra == {"enable_lora": True}
    assert loaded.origins["engine.enable_lora"] == "environment TIDEGATE_ENGINE_ENABLE_LORA"


def test_empty_means_none_where_that_is_allowed() -> None:
    assert load(environ={"TIDEGATE_ENGINE_HF_TOKEN": "", "TIDEGATE_CONFIG": ""}).settings.engine.hf_token is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TIDEGATE_SERVICE_HOST", "10.0.0.7"),
        ("TIDEGATE_SERVICE_PORT", "8000"),
        ("TIDEGATE_SERVICE_PORT_HTTP", "8000"),
        ("TIDEGATE_PORT", "tcp://10.0.0.7:8000"),
        ("TIDEGATE_PORT_8000_TCP", "tcp://10.0.0.7:8000"),
        ("TIDEGATE_PORT_8000_TCP_ADDR", "10.0.0.7"),
        ("TIDEGATE_SERVER_SERVICE_HOST", "10.0.0.7"),
        ("TIDEGATE_SERVER_PORT", "tcp://10.0.0.7:8000"),
        ("TIDEGATE_MANAGEMENT_PORT_9000_TCP_PROTO", "tcp"),
        ("TIDEGATE_CACHE_DIR", "/var/cache"),
    ],
)
def test_what_kubernetes_tells_of_its_services_is_no_setting(variable: str, value: str) -> None:
    assert load(environ={variable: value}) == load()
