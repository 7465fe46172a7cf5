"""`WarmCompiler`: xgrammar's compiler as vLLM will use it, with the costly parts of usual schemas compiled already.

A bounded string costs xgrammar 0.2.8 one mask of the whole vocabulary for each character of the bound, up to 128, and
above 128 as many once more for every bound. It keeps the masks and uses them again, in whatever schema they occur, and
so does the one in vLLM. So both make those of the usual bounds once, when they start. Imports xgrammar when it is made.
"""

import json
import time
from typing import Any, Final

from service.engine.schema_lengths import UNROLLED, Lengths, costly_lengths
from service.engine.vllm_grammar_verdict import Form

CACHE_BYTES: Final = 256 * 1024**2
"""Each bound above 128 takes 4 MiB with a vocabulary of 49,000 tokens."""

MAX_NEW: Final = 4
"""Costly bounds that are made for one form; each costs up to as much as those to 128 together."""

MAX_LENGTHS: Final = 32
"""Costly bounds of one form that are looked at at all; those that are kept cost some milliseconds."""

KEPT_SECONDS: Final = 0.03
"""A bound that takes longer was not kept, or no longer."""

USUAL: Final = json.dumps(
    {
        "type": "object",
        "properties": {str(least): Lengths(least, UNROLLED).schema() for least in (0, 1)},
        "required": ["0", "1"],
        "additionalProperties": False,
    }
)
"""A schema that holds what is compiled at start. The masks of 128 characters are those of all lesser bounds."""


class WarmCompiler:
    """`vocabulary` is xgrammar's TokenizerInfo. What it compiled before a fork, the child has for nothing."""

    def __init__(self, vocabulary: Any) -> None:
        import xgrammar

        self.vocabulary = vocabulary
        # One thread: a process with several could not fork.
        self._compiler = xgrammar.GrammarCompiler(vocabulary, max_threads=1, cache_limit_bytes=CACHE_BYTES)

    def warm_up(self) -> None:
        """Compile what is usual; about a second of CPU with a vocabulary of 49,000 tokens."""
        self.compile(Form("json", USUAL))

    def make_lengths(self, form: Form) -> None:
        """Make the bounds of this form that are not kept. The time for it is known, so it needs no budget."""
        if form.kind not in ("json", "structural_tag"):
            return
        new = 0
        for lengths in costly_lengths(form.text)[:MAX_LENGTHS]:
            began = time.process_time()
            try:
                self.compile(Form("json", json.dumps(lengths.schema())))
            except (RuntimeError, ValueError):  # such as a least length above the most; the form will be told
                continue
            new += time.process_time() - began > KEPT_SECONDS
            if new == MAX_NEW:
                return

    def compile(self, form: Form) -> Any:
        """What vLLM's engine core does with it (vllm/v1/structured_output/backend_xgrammar.py, `compile_grammar`)."""
        match form.kind:
            case "json":
                return self._compiler.compile_json_schema(form.text, any_whitespace=False, separators=(",", ":"))
            case "regex":
                return self._compiler.compile_regex(form.text)
            case "grammar":
                return self._compiler.compile_grammar(form.text)
            case "lark":
                return self._compiler.compile_lark(form.text)
            case "structural_tag":
                return self._compiler.compile_structural_tag(form.text)
