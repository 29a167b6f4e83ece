"""`POST /consents` and `GET /consents`: what is recorded, and what is refused (FEATURES A01 to A04)."""

import uuid
from typing import Any

import httpx
import pytest

from tests.consents.company import TOKENS, Company
from tests.http.document import Document
from tests.waiting import concurrently

AGREED: dict[str, Any] = {
    "channel": "phone",
    "accepted": True,
    "wording_version": 2,
    "language": "de",
    "source": "form",
}
STOPPED: dict[str, Any] = {"channel": "phone", "accepted": False}
# As the owner, who alone can say when.
RECORDED = """INSERT INTO consents (user_id, channel, accepted, version, language, source, idempotency_key, recorded_at)
    VALUES (%(user_id)s, %(channel)s, %(accepted)s, %(wording_version)s, %(language)s, %(source)s, %(key)s,
        now() - %(age)s::interval)"""
DELETED = "INSERT INTO data_deletions (user_id, removed, kept) VALUES (%s, '[]', '[]')"


@pytest.fixture(scope="module")
def document(company: Company) -> Document:
    return Document(company.http.get("/openapi.json").json())


def some_user() -> str:
    return f"user|{uuid.uuid4()}"


def recorded(company: Company, user: str, key: str, age: str, **body: Any) -> None:
    """Record what a call with this key would have recorded so long ago."""
    nothing = dict.fromkeys(("wording_version", "language", "source"))
    company.world.admin.execute(RECORDED, {**nothing, **body, "user_id": user, "key": key, "age": age})


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_an_acceptance_is_recorded_with_its_wording_and_time(company: Company, document: Document) -> None:
    user, evidence = some_user(), {"page": "https://example.com/account", "box": 1}

    response = company.post(user, **AGREED, user_id=user, evidence=evidence)

    document.check(response, "/consents")
    [row] = company.ledger(user)
    kept = ("channel", "accepted", "version", "language", "source", "evidence")
    assert [row[name] for name in kept] == ["phone", True, 2, "de", "form", evidence]
    assert response.json() == {
        "success": True,
        "channel": "phone",
        "accepted": True,
        "recorded_at": row["recorded_at"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "wording_version": 2,
        "language": "de",
        "counts": True,
    }
    [text] = company.world.rows(
        "SELECT text FROM consents JOIN consent_wordings USING (channel, version, language) WHERE user_id = %s", user
    )
    assert text["text"].startswith("Sie dürfen mich nach meiner Kündigung einmal anrufen.")


def test_an_acceptance_can_name_the_number_that_it_is_about(company: Company) -> None:
    user = some_user()
    assert company.post(user, **AGREED, phone_number="+1 (415) 555-2671").status_code == 200
    assert [row["phone_number"] for row in company.ledger(user)] == ["+14155552671"]


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        ({**AGREED, "phone_number": "4155552671"}, "with its country code, such as +14155552671"),
        ({**AGREED, "phone_number": "call my office"}, "with its country code, such as +14155552671"),
        ({**STOPPED, "phone_number": "+14155552671"}, "belongs to an acceptance of phone or sms"),
        ({**AGREED, "channel": "email_marketing", "phone_number": "+14155552671"}, "belongs to an acceptance"),
    ],
)
def test_a_number_that_cannot_be_called_is_refused(company: Company, refused: dict[str, Any], why: str) -> None:
    user = some_user()
    response = company.post(user, **refused)
    assert response.status_code == 400
    assert why in response.text
    assert company.ledger(user) == []


def test_a_revocation_needs_nothing_but_its_channel(company: Company, document: Document) -> None:
    user = some_user()
    company.accepts(user)

    response = company.post(user, **STOPPED)

    document.check(response, "/consents")
    assert (response.json()["accepted"], response.json()["counts"]) == (False, False)
    assert company.current(user) == {"phone": False}
    assert [row["accepted"] for row in company.ledger(user)] == [True, False]


@pytest.mark.parametrize("token", TOKENS)
def test_the_companys_server_records_for_any_user(company: Company, token: str) -> None:
    user = some_user()
    imported = {**AGREED, "user_id": user, "source": "import"}
    assert company.http.post("/consents", json=imported, headers=bearer(token)).status_code == 200
    assert [row["source"] for row in company.ledger(user)] == ["import"]


def imports(company: Company, user: str, **change: Any) -> httpx.Response:
    """Record an acceptance out of the company's own records."""
    body = {**AGREED, "user_id": user, "source": "import", **change}
    return company.http.post("/consents", json=body, headers=bearer(TOKENS[0]))


def test_an_import_does_not_undo_a_revocation(company: Company, document: Document) -> None:
    user = some_user()
    assert imports(company, user).status_code == 200
    assert company.post(user, **STOPPED).status_code == 200
    before = company.ledger(user)

    response = imports(company, user)

    assert (response.status_code, response.json()["type"]) == (409, "urn:cancelflow:problem:revoked-since")
    assert "with source `form`" in response.json()["detail"]
    document.check(response, "/consents")
    assert company.ledger(user) == before
    assert imports(company, user, channel="email_marketing", language=None).status_code == 200  # not revoked
    assert imports(company, user, **STOPPED, wording_version=None, language=None).status_code == 200
    assert company.post(user, **AGREED).status_code == 200
    assert imports(company, user).status_code == 200
    assert company.current(user) == {"phone": True, "email_marketing": True}


def test_a_revocation_before_a_deletion_refuses_no_import(company: Company) -> None:
    user = some_user()
    assert company.post(user, **STOPPED).status_code == 200
    company.world.admin.execute(DELETED, [user])
    assert imports(company, user).status_code == 200
    assert company.current(user) == {"phone": True}


def test_an_acceptance_of_an_older_wording_counts_as_none(company: Company) -> None:
    user = some_user()
    assert company.accepts(user, "phone", 1)["counts"] is False  # CONSENT_MIN_VERSION
    assert company.accepts(user, "email_marketing", 1)["counts"] is True
    assert company.accepts(user, "phone", 2)["counts"] is True


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"source": None}, 400, "an acceptance needs source"),
        ({"wording_version": None}, 400, "an acceptance needs wording_version"),
        ({"source": None, "wording_version": None}, 400, "an acceptance needs wording_version and source"),
        ({"wording_version": 9}, 400, "phone has no version 9; published: 1, 2"),
        ({"channel": "sms"}, 400, "sms has no version 2; published: none"),
        ({"language": None}, 400, "language: version 2 for phone is in de, en: name one of them"),
        ({"language": "fr"}, 400, "language: version 2 for phone is in de, en: name one of them"),
        ({"wording_version": 1}, 400, "language: version 1 for phone is the same in every language: leave it out"),
        ({"channel": "fax"}, 400, "channel: "),
        ({"source": "gossip"}, 400, "source: "),
        ({"accepted": "yes"}, 400, "accepted: "),
        ({"wording_version": 2**31}, 400, "wording_version: "),
        ({"accepted": False}, 400, "a revocation has no wording"),
        ({"evidence": {"page": "x" * 4096}}, 400, "evidence has 4,108 bytes as JSON: at most 4,096"),
        ({"recorded_at": "2020-01-01T00:00:00Z"}, 400, "recorded_at: "),
        ({"user_id": "somebody-else"}, 403, "A user can change only their own consents"),
        ({"source": "operator"}, 403, "a customer's token can only record what was pressed in a form"),
    ],
)
def test_an_invalid_consent_is_refused_and_not_recorded(
    company: Company, document: Document, change: dict[str, Any], status: int, says: str
) -> None:
    user = some_user()

    response = company.post(user, **{**AGREED, **change})

    assert response.status_code == status
    assert says in response.json()["detail"]
    document.check(response, "/consents")
    assert company.ledger(user) == []


def test_what_is_not_json_is_refused(company: Company) -> None:
    headers = company.world.headers(some_user()) | {"Content-Type": "application/json"}
    body = b'{"channel": "phone", "accepted": false, "evidence": {"at": NaN}}'
    response = company.http.post("/consents", content=body, headers=headers)
    assert (response.status_code, response.json()["status"]) == (400, 400)


@pytest.mark.parametrize("token", [TOKENS[0][:-1], TOKENS[0] + "x", ",", "x" * 40])
def test_another_token_records_nothing(company: Company, document: Document, token: str) -> None:
    user = some_user()
    response = company.http.post("/consents", json={**STOPPED, "user_id": user}, headers=bearer(token))
    assert response.status_code == 401
    document.check(response, "/consents")
    assert company.ledger(user) == []


def test_the_companys_server_has_to_name_the_user(company: Company) -> None:
    response = company.http.post("/consents", json=STOPPED, headers=bearer(TOKENS[0]))
    assert (response.status_code, response.json()["type"]) == (400, "urn:cancelflow:problem:user-not-named")


def test_a_service_token_is_no_customers(company: Company) -> None:
    assert company.http.get("/consents", headers=bearer(TOKENS[0])).status_code == 401
    assert company.http.get("/subscription", headers=bearer(TOKENS[0])).status_code == 401


# Idempotency


def test_a_repeated_call_is_one_entry(company: Company, document: Document) -> None:
    user, key = some_user(), uuid.uuid4().hex
    first, again = company.post(user, key=key, **AGREED), company.post(user, key=key, **AGREED)
    assert (first.status_code, again.json()) == (200, first.json())
    assert len(company.ledger(user)) == 1

    other = company.post(user, key=key, **STOPPED)

    assert (other.status_code, other.json()["type"]) == (422, "urn:cancelflow:problem:key-reused")
    document.check(other, "/consents")
    assert company.current(user) == {"phone": True}
    assert company.post(some_user(), key=key, **STOPPED).status_code == 200  # a key is its user's own


def test_concurrent_repetitions_are_one_entry(company: Company) -> None:
    user, key = some_user(), uuid.uuid4().hex
    responses = concurrently(*[lambda: company.post(user, key=key, **AGREED)] * 6)
    assert [each.json() for each in responses] == [responses[0].json()] * 6
    assert len(company.ledger(user)) == 1


@pytest.mark.parametrize(("body", "between"), [(STOPPED, AGREED), (AGREED, STOPPED)])
@pytest.mark.parametrize(("age", "entries"), [("23 hours", 2), ("25 hours", 3)])
def test_a_key_is_known_for_24_hours(
    company: Company, body: dict[str, Any], between: dict[str, Any], age: str, entries: int
) -> None:
    """A server may make its keys of the user and the choice, such as `42:phone:off`."""
    user, key = some_user(), "phone:of-this-user"
    recorded(company, user, key, age, **body)
    assert company.post(user, **between).status_code == 200

    responses = [company.post(user, key=key, **body).json() for _ in range(2)]

    assert responses[0] == responses[1]
    assert len(company.ledger(user)) == entries
    assert company.current(user) == {"phone": (between if entries == 2 else body)["accepted"]}


def test_a_key_ends_with_a_deletion_of_the_customers_data(company: Company) -> None:
    user, key = some_user(), "phone:of-this-user"
    assert company.post(user, key=key, **AGREED).status_code == 200
    company.world.admin.execute(DELETED, [user])
    assert company.current(user) == {}  # a customer who comes back is asked again

    assert company.post(user, key=key, **AGREED).json()["counts"] is True

    assert company.current(user) == {"phone": True}


def test_an_old_key_can_come_with_another_body(company: Company) -> None:
    user, key = some_user(), "phone:of-this-user"
    recorded(company, user, key, "25 hours", **AGREED)
    assert company.post(user, key=key, **STOPPED).status_code == 200
    assert company.current(user) == {"phone": False}


def test_too_many_calls_are_refused(company: Company, document: Document) -> None:
    user = some_user()
    used_up = "INSERT INTO attempts (user_id, since, counted) VALUES (%s, now() + interval '1 hour', 10000)"
    company.world.admin.execute(used_up, [user])
    response = company.post(user, **AGREED)
    assert response.status_code == 429
    document.check(response, "/consents")
    assert company.ledger(user) == []


# Reading


def test_a_customer_reads_their_consents_with_the_wordings_to_ask_with(company: Company, document: Document) -> None:
    user = company.customer("de_DE")
    company.accepts(user, "phone", 1)
    company.accepts(user, "email_marketing", 1)

    response = company.http.get("/consents", headers=company.world.headers(user))

    document.check(response, "/consents")
    phone, email = response.json()["consents"]
    assert (phone["channel"], phone["accepted"], phone["counts"]) == ("phone", True, False)
    assert (phone["wording_version"], phone["language"]) == (2, "de")
    assert phone["text"].startswith("Sie dürfen mich")
    assert (email["channel"], email["counts"], email["wording_version"]) == ("email_marketing", True, 1)


def test_a_user_who_is_not_known_yet_is_asked_in_english(company: Company) -> None:
    found = company.http.get("/consents", headers=company.world.headers(some_user())).json()["consents"]
    assert [(each["accepted"], each["counts"]) for each in found] == [(None, False)] * 2
    assert found[0]["text"].startswith("You may call me once")
