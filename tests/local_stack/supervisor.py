"""A program around a stack, which tests end in every way: `python -m tests.local_stack.supervisor DIRECTORY PARTS`."""

import sys
from pathlib import Path

from deployments.local.errors import StackError
from deployments.local.stack import Stack


def main() -> None:
    """Start the parts, report it, and watch them."""
    directory, parts = Path(sys.argv[1]), sys.argv[2].split(",")
    try:
        with Stack(directory, parts=parts, progress=lambda text: print(text, flush=True)) as stack:  # noqa: T201
            stack.wait()
    except StackError as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
