"""`python -m tests.chaos`: rounds of faults against the real engine. Exit code 0 if every stream came out exact."""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.answer import Answer
from tests.chaos.ends import ORPHANS_SECONDS, drained, orphans
from tests.chaos.faults import Fault
from tests.chaos.kinds import ADAPTER, KINDS
from tests.chaos.report import document, table
from tests.chaos.round import Round, acceptable, play, undisturbed
from tests.chaos.service import chaos_service
from tests.peft_folder import bundled_adapter


def main() -> int:
    """Run, print after each round, and the table at the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="faults to cause (100)")
    parser.add_argument("--seed", type=int, default=1, help="seed of faults and moments (1)")
    parser.add_argument("--faults", nargs="+", choices=[fault.name for fault in Fault], default=["KILL_CORE"])
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("serve", nargs="*", help="further arguments of tidegate serve, after --")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        adapter = bundled_adapter(Path(folder) / ADAPTER, seed=3)
        with chaos_service(f"--engine.lora_adapters={ADAPTER}={adapter}", *asked.serve) as service:
            service.wait_until_ready()
            rounds, reference = asyncio.run(_play(service.url, service.pid, asked))
            code = asyncio.run(drained(service, reference))
    with chaos_service() as service:
        service.wait_until_ready()
        left = asyncio.run(orphans(service))
    figures = {**document(rounds), "exit_code_of_a_drain": code, "orphans": left}
    print(table(rounds))
    print(f"killed while draining: all streams came to their ends, exit code {code}")
    print(f"gateway killed under streams: {left} processes left after {ORPHANS_SECONDS:g} s")
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))
    return 0 if not (figures["wrong"] or code or left) and figures["always_live"] else 1


async def _play(url: str, gateway: int, asked: argparse.Namespace) -> tuple[list[Round], dict[str, Answer]]:
    reference = await undisturbed(url, KINDS)
    for name, answer in reference.items():
        if not answer.complete:
            sys.exit(f"{name} fails even undisturbed: {answer.error}")
    chance, rounds = random.Random(asked.seed), []
    for number in range(asked.rounds):
        fault = Fault[chance.choice(asked.faults)]
        played = await play(url, gateway, KINDS, fault, reference, chance)
        rounds.append(played)
        wrong = [outcome.kind.name for outcome in played.outcomes if not acceptable(outcome, fault)]
        print(
            f"{number + 1:>4} {fault.value:<16} noticed {played.noticed:.2f} s, ready {played.ready:.1f} s, "
            f"{len(played.outcomes) - len(wrong)} of {len(played.outcomes)} as they should be {wrong or ''}",
            flush=True,
        )
    return rounds, reference


if __name__ == "__main__":
    sys.exit(main())
