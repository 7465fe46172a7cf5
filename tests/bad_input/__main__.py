"""`python -m tests.bad_input [URL]`: throw all bad input at a service, or at one started for it; print the list."""

import asyncio
import sys
from urllib.parse import urlsplit

import httpx

from tests.bad_input.table import FOR_THE_REAL_ENGINE
from tests.bad_input.thrown import listing, throw_all
from tests.service_process import ServiceProcess


def main(arguments: list[str]) -> int:
    """The exit code: 1 if anything was answered otherwise than the table says."""
    if arguments:
        return throw_at(arguments[0])
    with ServiceProcess() as service:
        return throw_at(service.wait_until_ready().url)


def throw_at(url: str) -> int:
    """Throw everything at the public listener of this machine."""
    model = httpx.get(f"{url}/v1/models", timeout=10).json()["data"][0]["id"]
    thrown = asyncio.run(throw_all(urlsplit(url).port or 80, model, FOR_THE_REAL_ENGINE))
    print("\n".join(listing(thrown)))
    return int(any(each.faults for each in thrown))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
