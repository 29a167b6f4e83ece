"""The endpoints for customers."""

import secrets
from collections.abc import Callable

from ..account import Account
from ..parameters import EXPAND, PAGE, Kind, Shape, choice, emptyable, integer, list_of, merged, metadata, text
from ..subscription.due import ENDED
from ..wire import Document, new_id
from . import payment_methods

_ADDRESS_PARTS = ("city", "country", "line1", "line2", "postal_code", "state")
_ADDRESS = Shape(dict.fromkeys(_ADDRESS_PARTS, emptyable(text())))
_FIELDS: dict[str, Kind] = {
    "address": emptyable(_ADDRESS),
    "balance": integer(),
    "business_name": emptyable(text(150)),
    "description": emptyable(text()),
    "email": emptyable(text(512)),
    "individual_name": emptyable(text(150)),
    "invoice_settings": Shape(
        {"default_payment_method": emptyable(text()), "footer": emptyable(text())},
        lacking="custom_fields rendering_options",
    ),
    "metadata": metadata,
    "name": emptyable(text(256)),
    "phone": emptyable(text(20)),
    "preferred_locales": emptyable(list_of(text())),
    "tax_exempt": emptyable(choice("exempt", "none", "reverse")),
}
_LACKING = "cash_balance invoice_prefix next_invoice_sequence shipping source tax validate"
CREATE = Shape(EXPAND | _FIELDS | {"payment_method": text(), "test_clock": text()}, lacking=_LACKING + " tax_id_data")
UPDATE = Shape(EXPAND | _FIELDS, lacking=_LACKING + " default_source")
LIST = Shape(PAGE | {"email": text(512), "test_clock": text()})

_PLAIN = ("balance", "business_name", "description", "email", "individual_name", "name", "phone")

# These are absent rather than null, as in Stripe's OpenAPI document.
_ABSENT = ("business_name", "individual_name")


def create(account: Account, params: Document) -> Document:
    """POST /v1/customers; with `test_clock` the customer stays on that clock."""
    clock = params.get("test_clock")
    if clock:
        account.find("test_helpers.test_clock", clock, "test_clock", 400)
    customer: Document = {
        "id": new_id("cus", 14),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": account.now(clock),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": secrets.token_hex(4).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": clock,
    }
    account.save(customer)
    created = _changed(account, customer, params)
    return account.create(created, "customer.created")


def _changed(account: Account, customer: Document, params: Document) -> Document:
    after = dict(customer)
    after |= {name: None if params[name] == "" else params[name] for name in _PLAIN if name in params}
    after = {name: value for name, value in after.items() if value is not None or name not in _ABSENT}
    after["metadata"] = merged(customer["metadata"], params.get("metadata"))
    if "address" in params:
        given = params["address"] or {}
        after["address"] = {part: given.get(part) or None for part in _ADDRESS_PARTS} if given else None
    if "preferred_locales" in params:
        after["preferred_locales"] = params["preferred_locales"] or []
    if "tax_exempt" in params:
        after["tax_exempt"] = params["tax_exempt"] or "none"
    after["invoice_settings"] = _invoice_settings(account, customer, params)
    return after


def _invoice_settings(account: Account, customer: Document, params: Document) -> Document:
    given = dict(params.get("invoice_settings", {}))
    settings = dict(customer["invoice_settings"])
    wanted = given.pop("default_payment_method", None)
    attached = None
    if "payment_method" in params:
        attached = payment_methods.usable(
            account, customer, params["payment_method"], "payment_method", attach_others=True
        )["id"]
    if wanted == "":
        settings["default_payment_method"] = None
    elif wanted is not None:
        # A test card named twice in a request is attached once.
        same = attached if wanted == params.get("payment_method") else None
        param = "invoice_settings[default_payment_method]"
        settings["default_payment_method"] = same or payment_methods.usable(account, customer, wanted, param)["id"]
    return settings | {name: value or None for name, value in given.items()}


def retrieve(account: Account, _params: Document, identifier: str) -> Document:
    """GET /v1/customers/{customer}; a deleted one is returned as deleted."""
    found = account.store.get("customer", identifier)
    return found or account.find("customer", identifier)


def update(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/customers/{customer}."""
    before = account.find("customer", identifier)
    return account.update(before, _changed(account, before, params), "customer.updated")


def deleter(end_subscription: Callable[[Account, Document], Document]) -> Callable[[Account, Document, str], Document]:
    """Return the endpoint DELETE /v1/customers/{customer}, which ends every subscription immediately."""

    def delete(account: Account, _params: Document, identifier: str) -> Document:
        customer = account.find("customer", identifier)
        for subscription in list(account.store.scan("subscription", customer=identifier)):
            if subscription["status"] not in ENDED:
                end_subscription(account, subscription)
        account.emit("customer.deleted", customer)
        account.save(customer | {"_deleted": True, "email": None})
        return {"id": identifier, "object": "customer", "deleted": True}

    return delete


def list_all(account: Account, params: Document) -> Document:
    """GET /v1/customers; the email match is case-sensitive. Customers on test clocks are listed only by clock."""
    clock = params.get("test_clock", "")
    return account.page("customer", "/v1/customers", params, clock=clock, lookup=params.get("email"))
