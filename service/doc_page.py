"""A page of docs that is written from the code, and says when it is no longer what the code says."""

from collections.abc import Sequence
from pathlib import Path


def write_or_check(page: Path, text: str, words: Sequence[str]) -> int:
    """Write the page; or, if the command's words say --check, only compare. The exit code: 1 if it is out of date."""
    if "--check" in words:
        return int(page.read_text(encoding="utf-8") != text)
    page.write_text(text, encoding="utf-8")
    return 0


def cell(text: str) -> str:
    """The text as it may stand in a table."""
    return text.replace("|", "\\|")
