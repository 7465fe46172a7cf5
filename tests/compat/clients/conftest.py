"""What every client gets: the address, the name of the model, and no way to the internet."""

import os

import httpx
import pytest

# LiteLLM would fetch its list of prices at import.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"


@pytest.fixture(scope="session")
def base_url() -> str:
    """Where the OpenAI API is."""
    return os.environ["COMPAT_URL"] + "/v1"


@pytest.fixture(scope="session")
def model(base_url: str) -> str:
    """The model that is served."""
    name: str = httpx.get(base_url + "/models").json()["data"][0]["id"]
    return name
