"""The names of vLLM's engine arguments, read out of the installed vLLM's source: importing it takes seconds."""

import ast
import functools
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

CLASSES: Final = frozenset({"EngineArgs", "AsyncEngineArgs"})


@functools.cache
def engine_arguments() -> Mapping[str, str]:
    """Fields of AsyncEngineArgs, each with its annotation as written; empty where vLLM is not installed.

    Takes tens of milliseconds, once.
    """
    package = importlib.util.find_spec("vllm")  # finds a top-level package without importing it
    for folder in (package.submodule_search_locations or ()) if package else ():
        source = Path(folder, "engine", "arg_utils.py")
        if source.is_file():
            return MappingProxyType(read_fields(source.read_text(encoding="utf-8")))
    return MappingProxyType({})


def read_fields(source: str) -> dict[str, str]:
    """The annotated fields of the two classes in a module's source."""
    return {
        statement.target.id: ast.unparse(statement.annotation)
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name in CLASSES
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    }
