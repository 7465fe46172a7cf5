"""Whatever stands in whichever setting: settings, or one readable line. Limits hold at both of their sides."""

import math
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.errors import ConfigurationError
from service.settings.keys import section_types
from tests.settings.loading import load

KEYS = [f"{section}.{name}" for section, cls in section_types().items() for name in cls.model_fields if name != "extra"]
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["a=b,c=d", "a,b", "true", "1e3", "{", "[1, 2]", "a=b,a=c", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=5,
)
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


def problem(*argv: str, **given: Any) -> str | None:
    """What is said of these settings; None if they can be."""
    try:
        load(*argv, **given)
    except ConfigurationError as error:
        said = error.message
    else:
        return None
    assert said and said.isprintable(), said
    return said


@pytest.mark.parametrize("key", KEYS)
def test_any_value_in_a_file_makes_settings_or_one_line_that_names_it(
    key: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    section, _, name = key.partition(".")
    file = tmp_path_factory.getbasetemp() / "any.yaml"

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(PLAIN)
    def run(value: Any) -> None:
        said = problem(file=file, text=yaml.safe_dump({section: {name: value}}))
        assert said is None or key in said

    run()


@pytest.mark.parametrize("key", KEYS)
def test_any_text_in_the_environment_or_on_the_command_line_does_too(key: str) -> None:
    section, _, name = key.partition(".")
    variable, flag = f"TIDEGATE_{section}_{name}".upper(), f"--{section}.{name.replace('_', '-')}"

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(WORDS)
    def run(text: str) -> None:
        for said in (problem(environ={variable: text}), problem(f"{flag}={text}")):
            assert said is None or key in said

    run()


LIMITS: list[tuple[str, Any, Any, Any, Any]] = [
    ("server.port", -1, 0, 65535, 65536),
    ("management.port", -1, 0, 65535, 65536),
    ("server.max_body_bytes", 0, 1, 2**63 - 1, 2**63),
    ("engine.seed", -1, 0, 2**32 - 1, 2**32),
    ("engine.tensor_parallel_size", 0, 1, 2**63 - 1, 2**63),
    ("engine.gpu_memory_utilization", 0, math.nextafter(0, 1), 1, math.nextafter(1, 2)),
    ("server.head_timeout_seconds", 0, math.nextafter(0, 1), 1e300, math.inf),
    ("server.drain_timeout_seconds", -math.nextafter(0, 1), 0, 1e300, math.nan),
    ("management.token", "x" * 15, "x" * 16, "x" * 1024, "x" * 1025),
]


@pytest.mark.parametrize(("key", "below", "least", "most", "above"), LIMITS)
def test_limits_are_exact(key: str, below: Any, least: Any, most: Any, above: Any) -> None:
    for taken in (least, most):
        assert problem(f"--{key}={taken}") is None
    for refused in (below, above):
        assert key in (problem(f"--{key}={refused}") or "")
