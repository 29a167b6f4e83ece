"""What the tests of accepted and refused offers share."""

from typing import Any

from tests.offers.company import DAY, Company, at
from tests.world import Person, Row

START = at(2027, 1, 15, 9)


def member(company: Company, *, after: int = 10 * DAY, **given: Any) -> Person:
    """Create a customer on a stopped clock, ten days into their period."""
    clock = company.clock(START)
    person = company.customer(on=clock, **given)
    clock.advance(START + after)
    return person


def accepted(company: Company, person: Person, offer: str, **chosen: Any) -> Row:
    """Accept an offer as it was shown, and return the response."""
    response = company.accept(person, offer, as_of=company.shown(person)["as_of"], **chosen)
    assert response.status_code == 200, response.text
    found: Row = response.json()
    return found


def writes(company: Company, person: Person) -> list[Row]:
    """Return the writes that mention the subscription; a preview is a POST that writes nothing."""
    found = company.world.simulator.writes(person.subscription_id)
    return [each for each in found if each["path"] != "/v1/invoices/create_preview"]


def recorded(company: Company, person: Person, action: str, offer: str | None, kind: str) -> Row:
    """Return the only request, after checking it and its audit row."""
    company.world.tried(person)
    [request] = company.world.rows("SELECT * FROM change_requests WHERE user_id = %s", person.user_id)
    assert (request["kind"], request["offer_id"], request["origin"]) == (kind, offer, "api")
    assert (request["outcome"], request["http_status"], request["recovery_point"]) == ("changed", 200, "finished")
    assert (request["subscription_id"], request["plan"]) == (person.subscription_id, "team")
    [audit] = company.world.rows("SELECT * FROM audit_log WHERE user_id = %s", person.user_id)
    assert (audit["action"], audit["outcome"], audit["http_status"]) == (action, "changed", 200)
    assert (audit["request_id"], audit["subscription_id"]) == (request["id"], person.subscription_id)
    assert audit["stripe_request_id"] == request["stripe_request_id"]
    assert (request["stripe_request_id"] is None) == (kind in ("contact", "redirect"))
    return request


def refused(
    company: Company, person: Person, offer: str, *, reason: str, wrote: int | None = None, **chosen: Any
) -> Row:
    """Accept an offer, check that it is refused for the reason and nothing is written, and return the problem."""
    before = len(writes(company, person)) if wrote is None else wrote
    response = company.accept(person, offer, **chosen)
    problem: Row = response.json()
    assert (response.status_code, problem["type"]) == (409, "urn:cancelflow:problem:offer-not-available"), problem
    assert problem["reason"] == reason
    assert set(company.offered(person)) <= set(problem["offers"])
    assert offer not in problem["offers"] or reason in ("preview_expired", "changes_nothing")
    assert len(writes(company, person)) == before
    request = company.request(response)
    assert (request["outcome"], request["recovery_point"]) == ("refused", "received")
    [audit] = company.world.rows("SELECT * FROM audit_log WHERE request_id = %s", request["id"])
    assert (audit["outcome"], audit["http_status"], audit["problem"]) == ("refused", 409, "offer-not-available")
    status = company.http.get(f"/changes/{request['id']}", headers=person.headers)
    assert (status.status_code, status.json()) == (409, problem)
    return problem


def email_of(company: Company, person: Person) -> tuple[str, str]:
    """Return the subject and text of the only email."""
    [email] = company.world.emails(person)
    return email["subject"], " ".join(email["text"].split())


def cancel(company: Company, person: Person, **body: Any) -> Row:
    posted = {"user_id": person.user_id, "reason": "unused", **body}
    response = company.http.post("/cancel-subscription", json=posted, headers=person.headers)
    return {"status": response.status_code, **response.json()}
