"""The fixtures of the API tests, here too."""

from tests.api.conftest import app, slow_app

__all__ = ["app", "slow_app"]
