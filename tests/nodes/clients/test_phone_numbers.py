"""Phone numbers as people write them."""

import pytest

from nodes.clients.calls.phone_numbers import PhoneNumber, read_phone_number


@pytest.mark.parametrize(
    ("written", "country", "e164", "zones"),
    [
        ("+1 415 555 2671", None, "+14155552671", ("America/Los_Angeles",)),
        ("(415) 555-2671", "US", "+14155552671", ("America/Los_Angeles",)),
        ("030 12345678", "DE", "+493012345678", ("Europe/Berlin",)),
        ("+44 20 7946 0958", "US", "+442079460958", ("Europe/London",)),
        ("+800 1234 5678", None, "+80012345678", ()),  # belongs to no place
    ],
)
def test_a_number_is_read_with_the_zones_of_its_owner(
    written: str, country: str | None, e164: str, zones: tuple[str, ...]
) -> None:
    assert read_phone_number(written, country) == PhoneNumber(e164, zones)


@pytest.mark.parametrize(
    ("written", "country"),
    [
        ("415 555 2671", None),
        ("+1 415 555", None),
        ("call my office", "US"),
        ("", "US"),
        ("+999 123456", None),
        ("112", "DE"),
    ],
)
def test_what_is_no_number_is_none(written: str, country: str | None) -> None:
    assert read_phone_number(written, country) is None


def test_a_number_that_may_be_anywhere_in_a_country_has_all_its_zones() -> None:
    found = read_phone_number("+61 412 345 678", None)
    assert found
    assert {"Australia/Perth", "Australia/Sydney"} <= set(found.zones)
