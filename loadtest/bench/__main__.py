"""`python -m loadtest.bench [PART ...] [--quick] [--json FILE] [--model MODEL]`."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from loadtest.bench import batching, first_token, front_end, hosting, stub_cost
from loadtest.bench.effort import FULL, QUICK, Effort
from loadtest.bench.figures import Table
from loadtest.bench.model import model_folder
from loadtest.bench.report import goal_line, render, write_json
from loadtest.bench.response import LoadError
from loadtest.bench.server_process import ServerFailedError

Part = Callable[[str | None, Effort], list[Table]]

PARTS: Final[dict[str, Part]] = {
    "streamed": lambda model, effort: front_end.compare(model_folder(model), effort, stream=True),
    "whole": lambda model, effort: front_end.compare(model_folder(model), effort, stream=False),
    "stubs": lambda model, _: [stub_cost.compare(model_folder(model), front_end.TOKENS, front_end.CLIENTS)],
    "hosting": lambda _, effort: hosting.compare(effort),
    "first-token": lambda model, effort: [first_token.compare(model, effort)],
    "batching": lambda model, effort: [batching.compare(model, effort)],
}


def main(words: Sequence[str]) -> int:
    """Run the parts and print each as it is done. 0: all goals met; 1: one missed; 2: could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench", description="Front-end benchmark of Tidegate.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; all without")
    parser.add_argument("--quick", action="store_true", help="short and rough")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here too")
    parser.add_argument("--model", metavar="FOLDER", help="a model folder instead of the bundled model")
    options = parser.parse_args(words)
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    effort = QUICK if options.quick else FULL
    tables: list[Table] = []
    try:
        for name in options.parts or PARTS:
            for table in PARTS[name](options.model, effort):
                tables.append(table)
                print(render(table), flush=True)
    except (LoadError, ServerFailedError) as error:
        print(f"cannot measure: {error}", file=sys.stderr)
        return 2
    if options.json:
        write_json(options.json, tables)
    goals = [goal for table in tables for goal in table.goals]
    print("\n".join(map(goal_line, goals)))
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    # Of vLLM itself as of the service: no usage reports from a benchmark.
    os.environ.update(VLLM_NO_USAGE_STATS="1", DO_NOT_TRACK="1")
    sys.exit(main(sys.argv[1:]))
