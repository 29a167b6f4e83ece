"""Events, and the webhook endpoints that receive them."""

import secrets

from .account import Account
from .parameters import EXPAND, PAGE, Kind, Shape, boolean, emptyable, list_of, merged, metadata, text
from .wire import API_VERSION, ApiError, Document, new_id

LIST = Shape(PAGE | {"type": text(), "types": list_of(text())}, lacking="delivery_success")
_ENDPOINT: dict[str, Kind] = {
    "description": emptyable(text()),
    "enabled_events": list_of(text()),
    "metadata": metadata,
    "url": text(),
}
CREATE_ENDPOINT = Shape(
    EXPAND | _ENDPOINT | {"api_version": text()}, required=("enabled_events", "url"), lacking="connect"
)
UPDATE_ENDPOINT = Shape(EXPAND | _ENDPOINT | {"disabled": boolean})
LIST_ENDPOINTS = Shape(PAGE)
_DECLARED = "declared_endpoint"


def retrieve(account: Account, _params: Document, identifier: str) -> Document:
    """GET /v1/events/{id}."""
    return account.find("event", identifier)


def list_all(account: Account, params: Document) -> Document:
    """GET /v1/events; a type may end in `.*`."""
    wanted = params.get("types") or ([params["type"]] if "type" in params else [])

    def matches(event: Document) -> bool:
        return not wanted or any(_is(event["type"], one) for one in wanted)

    exact = wanted[0] if len(wanted) == 1 and not wanted[0].endswith("*") else None
    return account.page("event", "/v1/events", params, matches, lookup=exact)


def _is(kind: str, wanted: str) -> bool:
    return kind.startswith(wanted[:-1]) if wanted.endswith("*") else kind == wanted


def create_endpoint(account: Account, params: Document) -> Document:
    """POST /v1/webhook_endpoints: the only response that shows the secret."""
    secret = f"whsec_{secrets.token_hex(16)}"
    endpoint = _new_endpoint(account, params) | {"_secrets": [secret]}
    account.save(endpoint)
    return endpoint | {"secret": secret}


def declare_endpoint(account: Account, url: str | None, given_secrets: list[str]) -> None:
    """Create or update the command line's endpoint, which receives every type of event; without `url`, remove it.

    After a restart with another URL it is the same endpoint, and keeps changes made through the API.
    """
    held = account.store.get("webhook_endpoint", account.store.setting(_DECLARED, ""))
    if url is None:
        account.store.remove("webhook_endpoint", held["id"] if held else "")
        return
    pinned = {"url": url, "enabled_events": ["*"], "api_version": API_VERSION}
    endpoint = held or _new_endpoint(account, pinned)
    account.save(endpoint | {"url": url, "_secrets": given_secrets})
    account.store.set_setting(_DECLARED, endpoint["id"])


def _new_endpoint(account: Account, params: Document) -> Document:
    return {
        "id": new_id("we"),
        "object": "webhook_endpoint",
        "api_version": params.get("api_version"),
        "application": None,
        "created": account.now(),
        "description": params.get("description") or None,
        "enabled_events": _enabled(params),
        "livemode": False,
        "metadata": merged({}, params.get("metadata")),
        "status": "enabled",
        "url": params["url"],
    }


def _enabled(params: Document) -> list[str]:
    if not params["url"].startswith(("http://", "https://")):
        raise ApiError("Invalid URL: URL must be an absolute address.", code="url_invalid", param="url")
    return list(params["enabled_events"])


def retrieve_endpoint(account: Account, _params: Document, identifier: str) -> Document:
    """GET /v1/webhook_endpoints/{webhook_endpoint}."""
    return account.find("webhook_endpoint", identifier, "webhook_endpoint")


def update_endpoint(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/webhook_endpoints/{webhook_endpoint}."""
    before = account.find("webhook_endpoint", identifier, "webhook_endpoint")
    given = {name: params[name] for name in ("description", "enabled_events", "url") if name in params}
    after = before | given | {"metadata": merged(before["metadata"], params.get("metadata"))}
    if "disabled" in params:
        after["status"] = "disabled" if params["disabled"] else "enabled"
    account.save(after)
    return after


def delete_endpoint(account: Account, _params: Document, identifier: str) -> Document:
    """DELETE /v1/webhook_endpoints/{webhook_endpoint}."""
    account.find("webhook_endpoint", identifier, "webhook_endpoint")
    account.store.remove("webhook_endpoint", identifier)
    return {"id": identifier, "object": "webhook_endpoint", "deleted": True}


def list_endpoints(account: Account, params: Document) -> Document:
    """GET /v1/webhook_endpoints."""
    return account.page("webhook_endpoint", "/v1/webhook_endpoints", params)


def balance(_account: Account, _params: Document) -> Document:
    """GET /v1/balance: always empty; a cheap call to check that Stripe responds."""
    nothing = [{"amount": 0, "currency": "usd", "source_types": {"card": 0}}]
    return {
        "object": "balance",
        "available": nothing,
        "livemode": False,
        "pending": nothing,
        "refund_and_dispute_prefunding": {"available": nothing, "pending": nothing},
    }
