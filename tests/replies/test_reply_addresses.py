"""The signed address of a request's replies."""

from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from nodes.clients.mail.reply_addresses import ReplyAddresses
from nodes.errors import SettingsInvalid

OLD, NEW = (
    SecretStr("a-secret-of-at-least-thirty-two-characters"),
    SecretStr("another-secret-of-thirty-two-characters!"),
)
ID = UUID("550e8400-e29b-41d4-a716-446655440000")


def addresses(*secrets: SecretStr, reply_to: str = "Support <Cancel@Example.com>") -> ReplyAddresses:
    return ReplyAddresses(reply_to, secrets or (OLD,))


def test_an_address_leads_back_to_its_request_in_any_case() -> None:
    made = addresses().address(ID)
    local, _, domain = made.partition("@")
    assert (local.partition("+")[0], domain) == ("Cancel", "Example.com")
    assert made == addresses().address(ID)
    assert {addresses().request_id([each]) for each in (made, made.lower(), made.upper())} == {ID}


def test_it_is_found_among_other_recipients() -> None:
    made = addresses().address(ID)
    assert addresses().request_id(["jo@example.com", "Cancel@Example.com", made]) == ID
    assert addresses().request_id(["jo@example.com", "Cancel@Example.com"]) is None
    assert addresses().request_id([]) is None


def test_the_longest_allowed_address_fits_into_a_local_part() -> None:
    made = addresses(reply_to="a" * 21 + "@example.com").address(uuid4())
    assert len(made.partition("@")[0].encode()) <= 64


def test_secrets_are_rotated() -> None:
    old, new = addresses(OLD).address(ID), addresses(NEW).address(ID)
    assert addresses(NEW, OLD).address(ID) == new != old
    assert [addresses(NEW, OLD).request_id([each]) for each in (old, new)] == [ID, ID]
    assert addresses(NEW).request_id([old]) is None


def test_no_other_address_is_accepted() -> None:
    made = addresses().address(ID)
    local, _, domain = made.partition("@")
    name, _, token = local.partition("+")
    altered = [
        "b" + token[1:] if token[0] == "a" else "a" + token[1:],
        token[:-1],
        token[:26],
        token + "aaaaaaaa",
        "",
        "ä",
    ]
    assert [each for each in altered if addresses().request_id([f"{name}+{each}@{domain}"])] == []
    assert addresses().request_id([f"other+{token}@{domain}", f"{local}@example.org", token, "", "@", "+@"]) is None


@pytest.mark.parametrize("reply_to", ["", "Support", "@example.com", "a+b@example.com", "a" * 22 + "@example.com"])
def test_an_address_without_room_is_an_invalid_setting(reply_to: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"REPLY_TO must (read: Name|have 1 to 21 characters)"):
        addresses(reply_to=reply_to)
