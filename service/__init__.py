"""Tidegate: an OpenAI-compatible gateway in front of a vLLM engine.

A process, in the order of time (`server.py`)
 1. `cli.py`            the command; `settings/` reads defaults, file, environment and command line into one frozen tree
 2. `preflight.py`      what cannot work ends here, in one line, with exit code 2 (`descriptors.py`: are there enough?)
 3. `server.py`         binds and opens both listeners (`app.py`), then starts the engine beside them
 4. `engine/client.py`  spawns `engine/host.py` in a process group of its own; it reports phases until it is ready, then
                        that its steps go on. `engine/engine_tree.py` and `guardian.py` see that nothing of it is left
 5. `lifecycle.py`      knows the phase, what is in flight, and what a request is told meanwhile
 6. `engine/supervision/`: when the engine dies or hangs, another takes its place, and its streams go on; back to 4
 7. SIGTERM             drain: nothing new, what is in flight finishes, the engine is stopped, exit code 0

A request, in the order of time
 0. `transport/`              bounds, times and counts the connections; refuses what is no proper request
 1. `middleware.py`           request id, caps on the body, one log line at the end (`record.py`)
 2. `api/chat.py` and its siblings: `api/json_body.py` reads the body and weighs it (`json_cost.py`; costly ones take
                              turns), `api/schema/` parses it into a `gateway/call.py`
 3. `api/reply.py`            owns the request from here: opens the generation, sends, closes, in one `finally`
 4. `gateway/gateway.py`      render -> check the context -> submit; `gateway/generation.py` keeps the books. Images are
                              read first, by `gateway/media/`
 5. `engine/supervision/stream.py`: keeps the journal from which another engine could go on
 6. `engine/client.py`        to the engine's process and back over one Unix socket, all deltas of one step in one frame
                              (`engine/frames.py`, `wire.py`); they wait as bytes for their reader (`encoded_stream.py`)
 7. `engine/vllm_form.py`     takes the form (schema, regex, grammar) from the final parameters; it passes only if it
                              was compiled elsewhere, in time (`vllm_grammar_guard.py`)
 8. `engine/vllm_resume.py`   a request that goes on after a death: what it had told is told again, then vLLM continues
 9. `engine/vllm_parse.py`    text -> reasoning, content and tool calls, there, where the model has parsers
10. `api/chat_chunks.py` and `api/completion_chunks.py`: deltas -> SSE events, or folded into one JSON document
Embeddings go the same way: `api/embeddings.py`, `api/embedding_reply.py`, `gateway/embedding.py`.
`api/tokenization.py` only renders.
`api/openapi/` describes all public routes; `api/chat_answer.py` and `api/completion_answer.py` are the types of what
the encoders write. `api/obfuscation.py` pads events for whoever asks.

The packages
 `api/`       HTTP and the OpenAI wire format; not vLLM, not scheduling
 `gateway/`   what happens to a request between the two; not HTTP, not vLLM
 `engine/`    tokens and processes; not HTTP. `engine/base.py` is the seam, `engine/factory.py` chooses.
              Only the modules whose names begin with `vllm` import vLLM; `vllm_plugin.py` is what vLLM imports of us.
 `transport/` bytes on a connection; not routes
 `settings/`  the only reader of environment and configuration file
 `models/`    the bundled default model
and, beside them, `telemetry.py` and `metric_families.py`, `tracing.py`, `logs.py`, `loop_lag.py` (what operators see),
`console.py` (what a person at the terminal sees), `admin_access.py` (who may change what is served), `heap.py` (the
garbage collector's), `ids.py`, `request_header.py` (one header field), `doctor.py` and `machine.py` (what is here and
what is wrong), `start_history.py` (how long the last start took), `doc_page.py` (docs written from the code, by
`api/field_page.py` and `settings/page.py`) and `errors.py` (one tree, two renderers).
"""
