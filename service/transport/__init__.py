"""The listener's guard: what arrives on a connection before, beside and after an ASGI request.

`config.py`    uvicorn's configuration as both listeners use it, with our limits
`protocol.py`  parses, bounds and times each connection; refuses what is not a proper request
`head.py`      what a head may be
`deadline.py`  a timer
`cycle.py`     one request and its response, with what uvicorn's own lacks

Does not know routes or bodies. A refusal travels to the application in the request's scope, so that `middleware.py`
gives it a request id, a log line and OpenAI's shape, as it does for all others.
"""
