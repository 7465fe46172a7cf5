"""Finding stop strings in text that arrives in pieces, without letting the beginning of one out."""


class StopStrings:
    """Holds back as much text as may still turn out to be the start of a stop string."""

    __slots__ = ("_held", "_include", "_stops")

    def __init__(self, stops: list[str], include_in_output: bool) -> None:
        self._stops = stops
        self._include = include_in_output
        self._held = ""

    def feed(self, text: str) -> tuple[str, str | None]:
        """Take more text; returns the text that may leave, and the stop string if one has been completed."""
        held = self._held + text
        found = [(at, stop) for stop in self._stops if (at := held.find(stop)) >= 0]
        if found:
            at, stop = min(found)
            self._held = ""
            return held[: at + len(stop)] if self._include else held[:at], stop
        keep = max(map(self._overlap, (held,) * len(self._stops), self._stops))
        self._held = held[len(held) - keep :]
        return held[: len(held) - keep], None

    def flush(self) -> str:
        """What was held back, for a text that ended without a stop string."""
        held, self._held = self._held, ""
        return held

    @staticmethod
    def _overlap(text: str, stop: str) -> int:
        """Length of the longest end of `text` that begins `stop`."""
        return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
