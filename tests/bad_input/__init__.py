"""Bad input as data: what is sent, and what must come back.

 `row.py`        one bad input
 `table.py`      all of them, from `parameters.py`, `conversations.py`, `bodies.py`, `heads.py`, `identity.py` and
                 `grammars.py`, which take rows of the tests of single fields where there are some
 `thrown.py`     sends them and says what came back: the list of input, answer and time
 `trap.py`       a server that nobody must call, whatever address stands in a request
 `footprint.py`  what the processes of a service hold, before and after

`python -m tests.bad_input` throws the table at a service and prints the list. The tests throw the same table: at the
simulated engine (`tests/api/test_bad_input.py`) and at the real one (`tests/real/served/test_bad_input.py`).
"""
