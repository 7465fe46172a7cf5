"""Processes are found by their mark wherever they have gone, and none is left as a zombie."""

import os
import subprocess
import sys
import time
from pathlib import Path

from service.engine.process_tree import kill_marked, marked

FAMILY = "sleep 300 & setsid sleep 300 & wait"

FIRST_OF_ITS_CONTAINER = """
import ctypes, os, pathlib, subprocess, sys
from service.engine.process_tree import kill_marked, reap_orphans
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
leader = subprocess.Popen(["/bin/sh", "-c", "sleep 300 & echo; wait"], stdout=subprocess.PIPE,
                          start_new_session=True, env={**os.environ, "MARK_OF_A_TEST": "zombies"})
leader.stdout.readline()
assert kill_marked("MARK_OF_A_TEST=zombies", 5) == []
leader.wait()
children = pathlib.Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
assert children.read_text().split(), "the orphan is ours"
reap_orphans(leader.pid)
assert not children.read_text().split()
"""


def test_all_that_bear_the_mark_are_killed_and_nobody_else() -> None:
    mark = f"MARK_OF_A_TEST={os.getpid()}"
    name, _, value = mark.partition("=")
    with (
        subprocess.Popen(["/bin/sh", "-c", FAMILY], env={**os.environ, name: value}) as family,
        subprocess.Popen(["sleep", "300"], env={**os.environ, name: f"{value}0"}) as stranger,
    ):
        deadline = time.monotonic() + 5
        while len(marked(mark)) < 3:
            assert time.monotonic() < deadline
        assert kill_marked(mark, 5) == [] == marked(mark)
        assert family.wait() == -9 and stranger.poll() is None
        stranger.kill()


def test_orphans_that_are_left_to_us_do_not_stay_as_zombies() -> None:
    subprocess.run([sys.executable, "-c", FIRST_OF_ITS_CONTAINER], check=True, timeout=20, cwd=Path.cwd())
