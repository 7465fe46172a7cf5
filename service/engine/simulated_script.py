"""`SimulatedScript`: what the simulated engine answers, one delta per token."""

import itertools
import math
import secrets
from typing import Final

from service.engine.deltas import Delta, PositionLogprobs, TokenLogprob, ToolCallPart
from service.engine.prompts import Prompt
from service.engine.requests import GenerationRequest, StructuredOutput
from service.engine.simulated_form import shortest
from service.engine.simulated_vocabulary import FIRST_WORD, SimulatedVocabulary, words_of
from service.settings import SimulationSettings

SCRIPTED_LOGPROB: Final = math.log(0.9)
"""What the chosen token of each position is said to have had."""


class SimulatedScript:
    """The settings' text, reasoning and arguments of tools."""

    def __init__(self, settings: SimulationSettings, vocabulary: SimulatedVocabulary) -> None:
        self._vocabulary = vocabulary
        self._arguments = settings.tool_arguments
        # A plain step's delta depends on the word alone, so the same object serves every request.
        self._plain = [Delta(0, word, [FIRST_WORD + i]) for i, word in enumerate(vocabulary.words)]
        self._reasoning = [
            Delta(0, "", [FIRST_WORD], reasoning=word) for word in words_of(settings.reasoning) if word.strip()
        ]

    @property
    def reasons(self) -> bool:
        """Answers begin with reasoning."""
        return bool(self._reasoning)

    def answer(self, request: GenerationRequest) -> list[Delta]:
        """What a request is answered with, one delta per token: words, reasoning before them, or a forced call."""
        if request.chat is None:
            return self._written(request.sampling.structured)
        use = request.chat.tool_use
        if use is not None and use.choice == "required":
            name = use.name or use.tools[0]["function"]["name"]
            return [*self._reasoning, *self._call(name)]
        written = self._written(request.sampling.structured)
        return [*self._reasoning, *written] if self._reasoning else written

    def prompt_logprobs(self, prompt: Prompt) -> list[PositionLogprobs | None]:
        """Scripted log probabilities for a prompt; nothing precedes its first token."""
        scored = [
            scripted_position(self._vocabulary.token_text(token_id), token_id, 0) for token_id in prompt.token_ids[1:]
        ]
        return [None, *scored]

    def _written(self, form: StructuredOutput | None) -> list[Delta]:
        """The settings' text, or where that is easy the shortest text of the form."""
        text = None if form is None else shortest(form)
        if text is None:
            return self._plain
        # The words of a form have no ids of their own; they borrow the script's.
        return [
            Delta(0, word, [FIRST_WORD + i % len(self._vocabulary.words)])
            for i, word in enumerate(words_of(text) or [""])
        ]

    def _call(self, name: str) -> list[Delta]:
        arguments = self._arguments
        pieces = [arguments[at : at + 4] for at in range(0, len(arguments), 4)]
        parts = [
            ToolCallPart(0, f"call-{secrets.token_hex(8)}", name),
            *(ToolCallPart(0, arguments=piece) for piece in pieces),
        ]
        return [Delta(0, "", [FIRST_WORD], tool_calls=[part]) for part in parts]


def scripted_position(token: str, token_id: int, top: int) -> PositionLogprobs:
    """Scripted log probabilities of one token and the `top` most likely ones."""
    chosen = TokenLogprob(token, token_id, SCRIPTED_LOGPROB)
    others = (TokenLogprob(chr(97 + i), 97 + i, SCRIPTED_LOGPROB - 1 - i) for i in itertools.count())
    return PositionLogprobs(chosen, [chosen, *itertools.islice(others, top - 1)] if top else [])
