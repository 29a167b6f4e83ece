"""Ports for servers that tests start themselves."""

import random

from deployments.local.ports import is_free

# Below the range for outgoing connections, so only another server could take a port between choice and use.
CHOSEN_FROM = range(20_000, 32_000)


def free_port() -> int:
    """Return a free loopback port."""
    chance = random.SystemRandom()  # hypothesis seeds `random` identically in every process
    while not is_free("127.0.0.1", port := chance.choice(CHOSEN_FROM)):
        pass
    return port
