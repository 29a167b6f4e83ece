"""The letter of step 8B: what was cancelled, until when it works, how long the data stays, and the way back."""

import re
from dataclasses import dataclass
from datetime import datetime

from email_templates import Letter, render

# A name is the customer's own free text. One that carries an address or runs on would make our letter carry
# somebody's message to an address of their choice, so such a letter greets without a name.
_NOT_A_NAME = re.compile(r"://|www\.|@")
_LONGEST_NAME = 60


@dataclass(frozen=True)
class CancellationConfirmation:
    """What the letter says. Moments are aware; URLs are complete; a part whose URL is None is left out.

    `ended_now`: the subscription is over already and `ends_at` is when; there is no access left to speak of, and the
    way back is shown only where `reactivate_url` leads somewhere.
    `unpaid`: an invoice is still open (WF-025). `plan_change_dropped`: a scheduled change was released (WF-021).
    """

    name: str | None
    plan: str
    ends_at: datetime
    ended_now: bool
    data_retention_until: datetime
    locale: str | None
    time_zone: str | None
    reactivate_url: str | None
    feedback_url: str
    export_url: str | None
    payment_url: str | None
    unpaid: bool
    plan_change_dropped: bool
    company_name: str
    request_id: str

    def letter(self) -> Letter:
        """The letter, ready to send."""
        return render("cancellation_confirmation", **{**vars(self), "name": self._greeting_name()})

    def _greeting_name(self) -> str | None:
        name = " ".join((self.name or "").split())
        return name if name and len(name) <= _LONGEST_NAME and not _NOT_A_NAME.search(name) else None
