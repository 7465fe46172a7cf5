"""What the benchmark reports: figures with their spread, rows, tables, goals."""

import statistics
from collections.abc import Iterable, Sequence

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """The median of several rounds, and the least and the greatest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Figure":
        """The figure of at least one value."""
        rounds = list(values)
        return cls(statistics.median(rounds), min(rounds), max(rounds))


class Row(msgspec.Struct, frozen=True):
    """One thing that was measured; `figures` by column."""

    label: str
    figures: dict[str, Figure]


class Goal(msgspec.Struct, frozen=True):
    """A figure that must be at least so much."""

    text: str
    least: float
    got: float

    @property
    def met(self) -> bool:
        """Whether it is."""
        return self.got >= self.least


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a part, or of one of its loads."""

    title: str
    rows: list[Row]
    goals: list[Goal] = []
    notes: list[str] = []

    @property
    def columns(self) -> list[str]:
        """All columns, in the order in which rows bring them."""
        return list(dict.fromkeys(column for row in self.rows for column in row.figures))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Figure:
    """Ours to theirs, round by round: both sides of a pair met the same weather."""
    return Figure.of(mine / other for mine, other in zip(ours, theirs, strict=True))


def percentile(values: Sequence[float], percent: int) -> float:
    """Nearest-rank percentile; no interpolation, so the answer is a value that was seen."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
