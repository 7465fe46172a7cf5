"""What the routes share: the gateway below them, the settings that concern HTTP, ids and turns. Set by `create_app`."""

from dataclasses import dataclass, field

from starlette.requests import Request

from service.api.parsing_turns import ParsingTurns
from service.gateway.adapters import Adapters
from service.gateway.gateway import Gateway
from service.ids import IdSource
from service.lifecycle import Lifecycle
from service.settings import ServerSettings


@dataclass(frozen=True, slots=True)
class Services:
    """The dependencies of the routes."""

    gateway: Gateway
    adapters: Adapters
    lifecycle: Lifecycle
    server: ServerSettings
    started_at: int
    """Unix time at which the process began; OpenAI's `created` of a model."""
    ids: IdSource = field(default_factory=IdSource)
    """Of the answers."""
    parsing: ParsingTurns = field(default_factory=ParsingTurns)

    @classmethod
    def of(cls, request: Request) -> "Services":
        """The services of the application that serves this request."""
        services: Services = request.app.state.services
        return services
