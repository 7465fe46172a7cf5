"""`python -m loadtest.bench`: what the front end costs, next to vLLM's own front end, in one run on one machine.

The load comes from a process of its own, every server is a process of its own, and the servers under comparison take
turns (A B A B), so that a noisy neighbour on the machine disturbs all of them alike.

 1. commands.py        how each server is started
 2. server_process.py  a server as a process: start, wait until ready, stop
 3. cpu.py             CPU seconds of a process tree
 4. load.py            the load generator; connection.py and response.py are its two halves
 5. rounds.py          the servers in turn under the same load
 6. front_end.py       parts 1 and 2: streamed events, whole requests, against vllm_app.py
    stub_cost.py       what the stub engines themselves cost
    hosting.py         part 5: the engine in a process of its own or in the gateway's
    first_token.py     part 3: time to first token against vllm_direct.py, on the real model
    batching.py        part 4: one request alone and 32 together, on the real model
 7. report.py          tables, goals and JSON

Only the modules named vllm_* import vLLM: they are the peer that is measured.
"""
