"""The compatibility suite: third-party clients against the real engine. `make compat` runs it.

`__main__.py` starts the service and hands its address to the clients in COMPAT_URL. They have environments of their
own, which deploy/install_compat.sh fills: `clients/` runs in .venv-compat, `node/` in its node_modules. So `make test`
leaves this folder alone. A client gets the address, any key and the model's name, and nothing else that is ours.
"""
