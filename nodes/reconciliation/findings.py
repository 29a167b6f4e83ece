"""What a reconciliation finds: ids, and what each side says. Nothing personal."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Line:
    """One line of the report."""

    subscription_id: str
    what: str
    done: str


@dataclass
class Findings:
    """The account of one walk. `seen`: the ids that Stripe listed, about 100 bytes each."""

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
            f"{len(self.for_operator)} for a person, {len(self.unknown)} not ours"
        )
