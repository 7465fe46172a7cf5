"""The listener's guard: what arrives on a connection before, beside and after an ASGI request.

`config.py`       uvicorn's configuration as both listeners use it, with our limits
`protocol.py`     a connection, the side that reads: parses, bounds and times; refuses what is not a proper request
`turns.py`        the side that answers: one request after another, and how the connection ends
`cycle.py`        one request and its response, with what uvicorn's own lacks
`head.py`         what a head may be
`input_bounds.py` how much may arrive before it becomes something
`write_guard.py`  cuts off a reader that has stopped reading
`deadline.py`     a timer

Does not know routes or bodies. A refusal travels to the application in the request's scope, so that `middleware.py`
gives it a request id, a log line and OpenAI's shape, as it does for all others.
"""
