"""`describe`: the text of `tidegate config`. Valid YAML that, fed back as a file, gives the same settings."""

from typing import Any, Final

import yaml
from pydantic import BaseModel

from service.settings.load import Loaded
from service.settings.secrecy import MASK, masked

WITHOUT_FOLDING: Final = 10**9


class _OneLineDumper(yaml.SafeDumper):
    """Writes any value in one line, so that a comment can follow it."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # A plain or single-quoted text with a line break in it would be written over several lines.
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=None if text.isprintable() and text != MASK else '"'
    )


_OneLineDumper.add_representer(str, _represent_text)


def describe(loaded: Loaded) -> str:
    """Every setting in effect, each with a comment that says where it comes from; secrets are masked."""
    lines: list[str] = []
    for section in type(loaded.settings).model_fields:
        lines.append(f"{section}:")
        for name, value in _values(getattr(loaded.settings, section)).items():
            origin = loaded.origins[f"{section}.{name}"]
            lines.append(f"  {name}: {_one_line(masked(name, value))}  # {_printable(origin)}")
    return "\n".join(lines) + "\n"


def _values(section: BaseModel) -> dict[str, Any]:
    values = {name: getattr(section, name) for name in type(section).model_fields}
    extra = values.pop("extra", {})
    return {**values, **extra}


def _one_line(value: Any) -> str:
    text = yaml.dump(value, Dumper=_OneLineDumper, default_flow_style=True, width=WITHOUT_FOLDING)
    return text.removesuffix("\n").removesuffix("\n...")


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)
