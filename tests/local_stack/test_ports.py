"""The choice of each part's port."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.local.errors import PortBusy, StackError
from deployments.local.ports import LISTENERS, Listener, Ports, is_free


@pytest.fixture(autouse=True)
def _quiet_corner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Avoid the default ports, which a stack on this machine may use."""
    monkeypatch.setitem(LISTENERS, "http", Listener("HTTP_PORT", 21_000))
    monkeypatch.setitem(LISTENERS, "smtp", Listener("SMTP_PORT", 21_000))


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[Ports]:
    made = Ports(tmp_path / "ports.json", {})
    yield made
    made.release()


def test_a_busy_port_is_chosen_around(ports: Ports) -> None:
    with socket.create_server(("127.0.0.1", 21_000)):
        chosen = ports.choose("http")
    assert chosen > 21_000
    assert is_free("127.0.0.1", chosen)


def test_two_stacks_that_start_at_once_choose_differently(ports: Ports, tmp_path: Path) -> None:
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


def test_a_busy_port_that_was_asked_for_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortBusy, match=rf"port {port} is in use on 127.0.0.1: set HTTP_PORT"):
            Ports(tmp_path / "ports.json", {"HTTP_PORT": str(port)}).choose("http")


@pytest.mark.parametrize("value", ["http", "0", "65536", "-1"])
def test_what_is_no_port_is_named(tmp_path: Path, value: str) -> None:
    with pytest.raises(StackError, match=f"HTTP_PORT={value} is not a port"):
        Ports(tmp_path / "ports.json", {"HTTP_PORT": value}).choose("http")


def test_a_spoilt_memory_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("{")
    ports = Ports(tmp_path / "ports.json", {})
    try:
        assert ports.choose("http") >= 21_000
    finally:
        ports.release()
