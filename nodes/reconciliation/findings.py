"""The findings of a reconciliation: ids and the state on each side; nothing personal."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Line:
    """A line of the report."""

    subscription_id: str
    what: str
    done: str


@dataclass
class Findings:
    """The findings of one run. `seen`: the ids that Stripe listed, about 100 bytes each."""

    dry_run: bool
    seen: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)
    healed: list[Line] = field(default_factory=list)
    for_operator: list[Line] = field(default_factory=list)

    def summary(self) -> str:
        """Return one sentence of counts."""
        healed = "would be healed" if self.dry_run else "healed"
        return (
            f"{len(self.seen)} subscriptions in Stripe, {len(self.healed)} {healed}, "
            f"{len(self.for_operator)} for an operator, {len(self.unknown)} not in our tables"
        )
