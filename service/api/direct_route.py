"""`DirectRoute`: a route whose function takes the request and gives the response, with nothing in between."""

from collections.abc import Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.types import Receive, Scope, Send


class DirectRoute(APIRoute):
    """FastAPI's route, described in the schema as any other, without what FastAPI does for each request.

    It would solve the dependencies of functions that have none, and open two exit stacks for them: a tenth of what a
    request costs here. Exceptions are the application's business.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)
