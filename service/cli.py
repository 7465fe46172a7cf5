"""The command `tidegate` and its four commands. Parses nothing but the command's name; settings read the rest.

Exit codes: 0 served and drained, or nothing wrong; 1 the engine failed, or `doctor` found something; 2 settings that
cannot work.
"""

import json
import os
import sys
from collections.abc import Sequence

from service.errors import ConfigurationError
from service.settings import Loaded, describe, load_settings

USAGE = """\
usage: tidegate serve [MODEL] [--config FILE] [--KEY VALUE ...]
       tidegate config [MODEL] [--config FILE] [--KEY VALUE ...]
       tidegate doctor [MODEL] [--config FILE] [--KEY VALUE ...]
       tidegate openapi

serve    serve the model with an OpenAI-compatible API
config   print every setting in effect and where it comes from
doctor   say what is installed, what would be served and what is wrong
openapi  print the OpenAPI document of the public routes

KEY is any setting, such as --server.port 8080 or --tensor-parallel-size 2; `tidegate config` lists them.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script. Ends the process."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help") or {"-h", "--help"} & set(words):
        print(USAGE, end="")
        sys.exit(0 if words else 2)
    if words[0] == "openapi":
        if words[1:]:
            print("tidegate: openapi takes no arguments: the document is the same for all settings.", file=sys.stderr)
            sys.exit(2)
        sys.exit(openapi())
    command = {"serve": serve, "config": config, "doctor": doctor}.get(words[0])
    if command is None:
        print(f"tidegate: '{words[0]}' is no command; try serve, config, doctor or openapi.", file=sys.stderr)
        sys.exit(2)
    try:
        sys.exit(command(load_settings(words[1:], os.environ)))
    except ConfigurationError as error:
        print(f"tidegate: {error.message}", file=sys.stderr)
        sys.exit(2)


def serve(loaded: Loaded) -> int:
    """Run the service until it is told to stop."""
    # Imports that the other commands do not need.
    import uvloop

    from service.console import Console
    from service.engine.factory import build_engine
    from service.logs import configure
    from service.models import bundled
    from service.preflight import check_before_start
    from service.server import Service
    from service.start_history import StartHistory
    from service.telemetry import Telemetry

    settings = loaded.settings
    configure(settings.logging.level)
    check_before_start(settings)
    history = StartHistory(bundled.cache_folder(os.environ), settings.engine)
    console = Console(sys.stdout, sys.stdout is not None and sys.stdout.isatty())

    async def run() -> int:
        telemetry = Telemetry()
        return await Service(settings, build_engine(settings, telemetry), telemetry, history, console).run()

    return uvloop.run(run())


def config(loaded: Loaded) -> int:
    """Print the effective settings."""
    print(describe(loaded), end="")
    return 0


def doctor(loaded: Loaded) -> int:
    """Print a diagnosis."""
    from service.doctor import diagnose, render

    findings = diagnose(loaded.settings)
    print(render(findings), end="")
    return 1 if any(finding.wrong for finding in findings) else 0


def openapi() -> int:
    """Print the OpenAPI document, which is the same for all settings."""
    from service.api.openapi import document

    print(json.dumps(document(), indent=2))
    return 0


if __name__ == "__main__":
    main()
