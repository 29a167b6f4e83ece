"""The choice of each part's port."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.local.errors import PortBusy, StackError
from deployments.local.ports import LISTENERS, Listener, Ports, is_free


@pytest.fixture(autouse=True)
def _unused_default_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Avoid the default ports, which a stack on this machine may use."""
    monkeypatch.setitem(LISTENERS, "http", Listener("HTTP_PORT", 21_000))
    monkeypatch.setitem(LISTENERS, "smtp", Listener("SMTP_PORT", 21_000))


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[Ports]:
    made = Ports(tmp_path / "ports.json", {})
    yield made
    made.release()


def test_a_busy_port_is_not_chosen(ports: Ports) -> None:
    with socket.create_server(("127.0.0.1", 21_000)):
        chosen = ports.choose("http")
    assert chosen > 21_000
    assert is_free("127.0.0.1", chosen)


def test_two_stacks_starting_concurrently_choose_different_ports(ports: Ports, tmp_path: Path) -> None:
    """No server listens yet, neither for the other checkout nor for another part of this stack."""
    other = Ports(tmp_path / "other.json", {})
    chosen = [ports.choose("http"), other.choose("http"), ports.choose("smtp"), other.choose("smtp")]
    other.release()
    assert len(set(chosen)) == 4


def test_a_second_start_keeps_its_ports(ports: Ports, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 21_000)):
        chosen = ports.choose("http")
    ports.remember()
    ports.release()
    again = Ports(tmp_path / "ports.json", {})
    try:
        assert again.choose("http") == chosen
    finally:
        again.release()


def test_a_requested_port_that_is_busy_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortBusy, match=rf"port {port} is in use on 127.0.0.1: set HTTP_PORT"):
            Ports(tmp_path / "ports.json", {"HTTP_PORT": str(port)}).choose("http")


@pytest.mark.parametrize("value", ["http", "0", "65536", "-1"])
def test_an_invalid_port_is_named(tmp_path: Path, value: str) -> None:
    with pytest.raises(StackError, match=f"HTTP_PORT={value} is not a port"):
        Ports(tmp_path / "ports.json", {"HTTP_PORT": value}).choose("http")


def test_a_corrupt_ports_file_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("{")
    ports = Ports(tmp_path / "ports.json", {})
    try:
        assert ports.choose("http") >= 21_000
    finally:
        ports.release()
