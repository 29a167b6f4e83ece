"""Private files: readable by their owner only, and whole at every moment."""

import json
import os
import secrets
import tempfile
from pathlib import Path


def write_private(path: Path, content: str | bytes) -> None:
    """Replace the file in one step; it is 0600 from its first byte on."""
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def private_directory(path: Path) -> Path:
    """Make the directory, 0700, where it is missing."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def kept_secrets(path: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Random values by name: made when first asked for, and the same ever after."""
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    missing = [name for name in names if name not in kept]
    if missing:
        kept |= {name: secrets.token_urlsafe(32) for name in missing}
        write_private(path, json.dumps(kept, indent=2) + "\n")
    return {name: kept[name] for name in names}
