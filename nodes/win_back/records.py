"""The values passed between nodes: only ids and outcomes, because Prefect sees them."""

from dataclasses import dataclass
from uuid import UUID

from nodes.rules.win_back import Outcome


@dataclass(frozen=True)
class Selection:
    """The next customers of one fix, or of all; a dry run changes nothing."""

    tag: str | None
    dry_run: bool
    at_most: int = 0
    after: UUID | None = None


@dataclass(frozen=True)
class Tagged:
    """Step 1: a customer with a fix's tag. `id`: of the row in `win_backs`; in a dry run it may be the request's."""

    id: UUID
    tag: str
    user_id: str
    request_id: UUID


@dataclass(frozen=True)
class Batch:
    """Step 1: a page of customers."""

    customers: list[Tagged]
    dry_run: bool


@dataclass(frozen=True)
class Decision:
    """Step 2: why the customer is not written to; None if they are."""

    customer: Tagged
    why_not: Outcome | None


@dataclass(frozen=True)
class Checked:
    """Step 2: the decisions. `failed`: failures' names by user."""

    decisions: list[Decision]
    failed: dict[str, str]
    dry_run: bool


@dataclass(frozen=True)
class Outcomes:
    """Step 3: what became of each customer, as far as this run decided it. `failed`: failures' names by user."""

    decided: list[Outcome]
    failed: dict[str, str]
