"""Connect other commands to the running stack: they use its settings unless the environment sets them."""

import json
import os
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

# Settings of one part are used together or not at all: another's DATABASE_URL with this stack's DATABASE_ADMIN_URL
# would migrate the wrong database, and a real STRIPE_API_KEY with this stack's STRIPE_API_BASE would go to the
# simulator.
PARTS = (("DATABASE_",), ("PREFECT_",), ("STRIPE_",), ("GOOGLE_", "PUBSUB_"), ("SMTP_",), ("JWT_",), ("HTTP_",))

LOCAL = Path(".local")


def join_stack(directory: Path = LOCAL) -> dict[str, Any]:
    """Add the stack's settings to this process's environment, and return its addresses (empty if none is running)."""
    offered = dotenv_values(directory / "stack.env", interpolate=False)
    named = {part for part in PARTS if any(name.startswith(part) for name in os.environ)}
    for name, value in offered.items():
        if not any(name.startswith(part) for part in named):
            os.environ.setdefault(name, value or "")
    addresses = directory / "stack.json"
    return json.loads(addresses.read_text()) if addresses.exists() else {}
