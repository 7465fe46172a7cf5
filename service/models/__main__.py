"""`python -m service.models`: prepare the bundled model now, for an image or a machine that is to carry it."""

import sys

from service.errors import ConfigurationError
from service.models.bundled import prepare


def main() -> None:
    """Print a line for every tenth on standard error, and the checkpoint's folder on standard output."""
    last = -1

    def report(done: float) -> None:
        nonlocal last
        if (tenth := int(done * 10)) > last:
            last = tenth
            print(f"Preparing the bundled model: {tenth * 10} %", file=sys.stderr, flush=True)

    try:
        print(prepare(report))
    except ConfigurationError as error:
        sys.exit(f"tidegate: {error.message}")


if __name__ == "__main__":
    main()
