"""vLLM's own API server on a stub engine: `python -m loadtest.bench.vllm_app [--render-each] <vllm serve options>`.

Everything above the engine is vLLM's: argument parser and defaults, socket set-up, FastAPI application with all its
routers and middlewares, `OpenAIServingChat`, uvicorn on uvloop and httptools. Imports vLLM.
"""

import sys
from argparse import Namespace

import uvloop
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.entrypoints.launchers.api_server.entry import build_and_serve
from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
from vllm.entrypoints.launchers.launcher import setup_server
from vllm.entrypoints.serve.utils.api_utils import cli_env_setup
from vllm.usage.usage_lib import UsageContext
from vllm.utils.argparse_utils import FlexibleArgumentParser

from loadtest.bench.vllm_stub import StubEngine


async def serve(arguments: Namespace, *, render_each: bool) -> None:
    """`vllm serve` from the socket to the shutdown, with the stub in the engine's place."""
    address, listening = setup_server(arguments, reuse_port=False)
    config = AsyncEngineArgs.from_cli_args(arguments).create_engine_config(UsageContext.OPENAI_API_SERVER)
    engine = StubEngine(config, render_each=render_each)
    try:
        await (await build_and_serve(engine, address, listening, arguments))
    finally:
        listening.close()


def main(words: list[str]) -> None:
    """Parse as `vllm serve` does."""
    cli_env_setup()
    render_each = "--render-each" in words
    parser = make_arg_parser(FlexibleArgumentParser())
    arguments = parser.parse_args([word for word in words if word != "--render-each"])
    validate_parsed_serve_args(arguments)
    uvloop.run(serve(arguments, render_each=render_each))


if __name__ == "__main__":
    main(sys.argv[1:])
