"""An account and a database for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Addresses
from tests.imports.account import Account, account_at


@pytest.fixture
def account(stack: Addresses, tmp_path: Path) -> Iterator[Account]:
    """Yield an empty account."""
    with account_at(tmp_path, str(stack["database_admin_url"])) as made:
        yield made
