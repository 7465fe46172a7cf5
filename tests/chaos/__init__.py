"""The chaos suite: engines are killed and stopped under many kinds of streams, and each stream's answer is compared
with what an undisturbed engine says.

    `kinds.py`    the kinds of streams
    `answer.py`   sends one and reads all that comes
    `faults.py`   finds the processes of a running service, and strikes one of them
    `round.py`    streams running, one fault, all streams to their ends
    `ends.py`     a death while draining, and the death of the gateway
    `report.py`   what came of it, as a table
    `service.py`  the service that all this is done to
    `versus.py`   the same kill under vLLM's own server, to compare

`python -m tests.chaos` (or `make chaos`) runs as many rounds as wanted against the real engine.
"""
