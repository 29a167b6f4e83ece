"""Private files, readable only by their owner and replaced atomically."""

import json
import os
import secrets
import tempfile
from pathlib import Path


def write_private(path: Path, content: str | bytes) -> None:
    """Replace the file atomically, with mode 0600 from the first byte."""
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp creates it with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def private_directory(path: Path) -> Path:
    """Create the directory with mode 0700 if it does not exist."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def kept_secrets(path: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Return one random value per name, generated on first use and stored in the file."""
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    missing = [name for name in names if name not in kept]
    if missing:
        kept |= {name: secrets.token_hex(32) for name in missing}
        write_private(path, json.dumps(kept, indent=2) + "\n")
    return {name: kept[name] for name in names}
