"""What the kernel says of a process in /proc/PID/stat (proc_pid_stat(5))."""

from pathlib import Path


def fields_behind_the_name(pid: int) -> list[str] | None:
    """State, parent, process group, session and what follows them: fields 3 and up. None if there is no such process.

    The name before them stands in parentheses, and may contain both spaces and parentheses.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()
