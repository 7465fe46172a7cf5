"""What came of all rounds, as a table for people and a document for programs."""

import json
import statistics
from collections.abc import Sequence
from typing import Any

from tests.chaos.round import Round, acceptable


def document(rounds: Sequence[Round]) -> dict[str, Any]:
    """All figures. Times are in seconds."""
    outcomes = [outcome for each in rounds for outcome in each.outcomes]
    kinds = {
        outcome.kind.name: [each for each in outcomes if each.kind.name == outcome.kind.name] for outcome in outcomes
    }
    return {
        "rounds": len(rounds),
        "streams": len(outcomes),
        "cut": sum(outcome.cut for outcome in outcomes),
        "complete": sum(outcome.answer.complete for outcome in outcomes),
        "same": sum(outcome.same for outcome in outcomes),
        "wrong": sum(not acceptable(outcome, each.fault) for each in rounds for outcome in each.outcomes),
        "always_live": all(each.live for each in rounds),
        "noticed": _times([each.noticed for each in rounds]),
        "ready": _times([each.ready for each in rounds]),
        "kinds": {
            name: {
                "streams": len(them),
                "cut": sum(each.cut for each in them),
                "same": sum(each.same for each in them),
                "errors": sorted({each.answer.error for each in them if each.answer.error}),
            }
            for name, them in kinds.items()
        },
    }


def table(rounds: Sequence[Round]) -> str:
    """The same to be read."""
    figures = document(rounds)
    lines = [f"{'kind':<20}{'streams':>9}{'cut':>6}{'exact':>7}  errors"]
    for name, row in figures["kinds"].items():
        lines.append(f"{name:<20}{row['streams']:>9}{row['cut']:>6}{row['same']:>7}  {'; '.join(row['errors'])[:120]}")
    lines.append(
        f"{figures['rounds']} faults, {figures['streams']} streams: {figures['complete']} complete, "
        f"{figures['same']} exact, {figures['wrong']} wrong."
    )
    lines.append(f"liveness {'200 throughout' if figures['always_live'] else 'FAILED'}")
    lines += [f"{name} after {json.dumps(figures[name])} s" for name in ("noticed", "ready")]
    return "\n".join(lines)


def _times(seconds: Sequence[float | None]) -> dict[str, float]:
    seen = [each for each in seconds if each is not None]
    if not seen:
        return {}
    return {"median": round(statistics.median(seen), 3), "worst": round(max(seen), 3)}
