"""Ports for servers that tests start themselves."""

import random

from deployments.local.ports import is_free

# Below what systems give to outgoing connections: nothing but another server takes a port between choice and use.
CHOSEN_FROM = range(20_000, 32_000)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    chance = random.SystemRandom()  # hypothesis seeds the other one alike in every process
    while not is_free("127.0.0.1", port := chance.choice(CHOSEN_FROM)):
        pass
    return port
