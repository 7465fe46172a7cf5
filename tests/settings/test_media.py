"""Hosts that images may be fetched from: what an operator may write."""

import pytest

from service.errors import ConfigurationError
from tests.settings.loading import load


@pytest.mark.parametrize(
    "host", ["images.test", "*.images.test", "images.test:8080", "*.cdn.test:8443", "10.0.0.5", "LOCALHOST"]
)
def test_hosts_may_be_names_suffixes_and_addresses(host: str) -> None:
    assert load(f"--media.allowed-hosts={host}").settings.media.allowed_hosts == [host]


@pytest.mark.parametrize(
    "host",
    ["*", "*images.test", "http://images.test", "images.test/a", "images.test:", "a b", "user@images.test", "ä.test"],
)
def test_whatever_else_a_host_may_look_like_is_refused(host: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"media\.allowed_hosts .* must be a list of hosts: name, \*\.suffix, name:port"
    ):
        load(f"--media.allowed-hosts={host}")


def test_an_ipv6_address_stands_in_a_list() -> None:
    assert load('--media.allowed-hosts=["[::1]:80"]').settings.media.allowed_hosts == ["[::1]:80"]


def test_modalities_are_of_a_closed_set() -> None:
    assert load("--simulation.modalities=text,image").settings.simulation.modalities == ["text", "image"]
    with pytest.raises(ConfigurationError, match="a list of text, image"):
        load("--simulation.modalities=smell")
