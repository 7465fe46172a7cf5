"""`python -m service.settings.page [--check]`: writes docs/settings.md, every setting, from the tree.

The page cannot drift: `--check`, which a test runs, says whether the file is what the tree says now.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from service.doc_page import cell, write_or_check
from service.settings.allowed import allowed
from service.settings.keys import section_types
from service.settings.tree import Settings

PAGE: Final = Path(__file__).parents[2] / "docs" / "settings.md"

HEAD: Final = """\
# Settings

Written by `python -m service.settings.page`; do not edit. `tidegate config` prints what is in effect, and where each
value comes from. A setting can be given in three places, of which the later wins:

| | |
|---|---|
| in the file (`--config FILE` or `TIDEGATE_CONFIG`) | `server: {max_connections: 100}` |
| in the environment | `TIDEGATE_SERVER_MAX_CONNECTIONS=100` |
| on the command line | `--server.max-connections 100`; for those of `engine` and of vLLM also `--max-model-len 4096` |
"""

UNBOUNDED: Final = f" from 1 to {2**63 - 1}"
"""Which tells nobody more than that there is no bound."""

FURTHER: Final = """\
All other fields of vLLM's `AsyncEngineArgs` are settings of `engine`, too, under their own names. Those that are null
above are left to the engine.
"""


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join([HEAD, *(_section(name, cls) for name, cls in section_types().items())])


def _section(section: str, cls: type[BaseModel]) -> str:
    about = Settings.model_fields[section].description
    further = [FURTHER] if section == "engine" else []
    rows = _rows(section, cls)
    return "\n".join(
        [
            f"## `{section}`: {about}\n",
            "| setting | takes | default | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
            *further,
        ]
    )


def _rows(section: str, cls: type[BaseModel]) -> Iterator[str]:
    for name, field in cls.model_fields.items():
        if name != "extra":
            takes = cell(allowed(f"{section}.{name}").replace(UNBOUNDED, " of at least 1"))
            yield f"| `{name}` | {takes} | {_shown(field.default)} | {cell(field.description or '')} |"


def _shown(value: Any) -> str:
    return f"`{value if isinstance(value, str) and value.strip() == value != '' else json.dumps(value)}`"


def main(words: list[str]) -> int:
    """Write the page, or with --check say whether it is up to date."""
    return write_or_check(PAGE, page(), words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
