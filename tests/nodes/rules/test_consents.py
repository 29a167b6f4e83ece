"""When a customer may be contacted on a channel."""

from datetime import UTC, datetime

import pytest

from nodes.rules.consents import Channel, Consent, counts

AT = datetime(2026, 1, 26, tzinfo=UTC)


def consent(accepted: bool, version: int | None) -> Consent:
    return Consent(1, "phone", accepted, AT, version, "en" if version else None, "form", None)


@pytest.mark.parametrize(
    ("newest", "least", "may"),
    [
        (None, {}, False),
        (consent(True, 1), {}, True),
        (consent(True, 1), {"phone": 1}, True),
        (consent(True, 1), {"phone": 2}, False),
        (consent(True, 3), {"phone": 2}, True),
        (consent(True, 1), {"sms": 2}, True),
        (consent(False, None), {}, False),
    ],
)
def test_only_an_accepted_wording_that_is_new_enough_counts(
    newest: Consent | None, least: dict[Channel, int], may: bool
) -> None:
    assert counts(newest, least) is may
