"""Tidegate: an OpenAI-compatible gateway in front of a vLLM engine.

A process, in the order of time (`server.py`)
 1. `cli.py`            the command; `settings/` reads defaults, file, environment and command line into one frozen tree
 2. `preflight.py`      what cannot work ends here, in one line, with exit code 2
 3. `server.py`         binds and opens both listeners (`app.py`), then starts the engine beside them
 4. `engine/client.py`  spawns `engine/host.py` in a process group of its own; it reports phases until it is ready
 5. `lifecycle.py`      knows the phase, what is in flight, and what a request is told meanwhile
 6. SIGTERM             drain: nothing new, what is in flight finishes, the engine is stopped, exit code 0

A request, in the order of time
 0. `transport/`              bounds and times the connection; refuses what is no proper request
 1. `middleware.py`           request id, caps on the body, one log line at the end (`record.py`)
 2. `api/chat.py` and its siblings: `api/schema/` parses the body into a `gateway/call.py`
 3. `api/reply.py`            owns the request from here: opens the generation, sends, closes, in one `finally`
 4. `gateway/gateway.py`      render -> check the context -> submit; `gateway/generation.py` keeps the books
 5. `engine/client.py`        to the engine's process and back: all deltas of one step in one frame (`engine/wire.py`)
 6. `engine/vllm_parse.py`    text -> reasoning, content and tool calls, there, where the model has parsers
 7. `api/chat_chunks.py` and `api/completion_chunks.py`: deltas -> SSE events, or folded into one JSON document

The packages
 `api/`       HTTP and the OpenAI wire format; not vLLM, not scheduling
 `gateway/`   what happens to a request between the two; not HTTP, not vLLM
 `engine/`    tokens and processes; not HTTP. `engine/base.py` is the seam, `engine/factory.py` chooses.
              Only the modules whose names begin with `vllm` import vLLM.
 `transport/` bytes on a connection; not routes
 `settings/`  the only reader of environment and configuration file
 `models/`    the bundled default model
and, beside them, `telemetry.py`, `tracing.py`, `logs.py`, `loop_lag.py` (what operators see), `console.py` (what a
person at the terminal sees), `doctor.py` and `machine.py` (what is here and what is wrong), `start_history.py` (how
long the last start took) and `errors.py` (one tree, two renderers).
"""
