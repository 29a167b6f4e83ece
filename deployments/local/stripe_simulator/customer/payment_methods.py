"""Payment methods: cards only, including Stripe's test cards by id."""

from ..account import Account
from ..parameters import EXPAND, PAGE, Shape, choice, metadata, text
from ..wire import ApiError, Document, new_id, no_such

# id: brand, last four digits, whether attaching and charging succeed.
TEST_CARDS: dict[str, tuple[str, str, bool, bool]] = {
    "pm_card_visa": ("visa", "4242", True, True),
    "pm_card_visa_debit": ("visa", "5556", True, True),
    "pm_card_mastercard": ("mastercard", "4444", True, True),
    "pm_card_amex": ("amex", "8431", True, True),
    "pm_card_chargeCustomerFail": ("visa", "0341", True, False),
    "pm_card_chargeDeclined": ("visa", "0002", False, False),
}

CREATE = Shape(
    EXPAND | {"type": choice("card"), "card": Shape({"token": text()}, ("token",)), "metadata": metadata},
    required=("type", "card"),
    lacking="billing_details customer payment_method allow_redisplay",
)
ATTACH = Shape(EXPAND | {"customer": text()}, required=("customer",), lacking="customer_account")
DETACH = Shape(EXPAND)
LIST = Shape(PAGE | {"customer": text(), "type": choice("card")}, lacking="allow_redisplay customer_account")
LIST_OF_CUSTOMER = Shape(PAGE | {"type": choice("card")}, lacking="allow_redisplay")


def _card(brand: str, last4: str) -> Document:
    return {
        "brand": brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "unchecked"},
        "country": "US",
        "display_brand": brand,
        "exp_month": 12,
        "exp_year": 2040,
        "fingerprint": f"simulated{last4}",
        "funding": "credit",
        "generated_from": None,
        "last4": last4,
        "networks": {"available": [brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _new(account: Account, test_id: str, given_metadata: dict[str, str], clock: str | None) -> Document:
    brand, last4, attaches, charges = TEST_CARDS[test_id]
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {"address": address, "email": None, "name": None, "phone": None, "tax_id": None},
        "card": _card(brand, last4),
        "created": account.now(clock),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": given_metadata,
        "type": "card",
        "_attaches": attaches,
        "_charges": charges,
        "_clock": clock,
    }


def create(account: Account, params: Document) -> Document:
    """POST /v1/payment_methods, from a test token such as `tok_visa`."""
    token = params["card"]["token"]
    test_id = token.replace("tok_", "pm_card_", 1)
    if test_id not in TEST_CARDS:
        raise no_such("token", token, "card[token]", 400)
    return account.create(_new(account, test_id, params.get("metadata") or {}, None))


def retrieve(account: Account, _params: Document, identifier: str) -> Document:
    """GET /v1/payment_methods/{payment_method}; a test id returns its card."""
    if identifier in TEST_CARDS:
        return _new(account, identifier, {}, None)
    return account.find("payment_method", identifier, "payment_method")


def attach(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/payment_methods/{payment_method}/attach: a test card is cloned, so the result has its own id."""
    customer = account.find("customer", params["customer"], "customer", 400)
    return usable(account, customer, identifier, "payment_method", attach_others=True)


def detach(account: Account, _params: Document, identifier: str) -> Document:
    """POST /v1/payment_methods/{payment_method}/detach."""
    before = account.find("payment_method", identifier, "payment_method")
    if before["customer"] is None:
        message = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise ApiError(message)
    return account.update(before, before | {"customer": None}, "payment_method.detached")


def usable(
    account: Account, customer: Document, identifier: str, param: str, *, attach_others: bool = False
) -> Document:
    """Return a payment method of this customer: an attached one, or a new clone of a test card."""
    if identifier in TEST_CARDS:
        method = _new(account, identifier, {}, customer["test_clock"])
    else:
        method = account.find("payment_method", identifier, param, 404 if attach_others else 400)
        if method["customer"] == customer["id"]:
            return method
        if method["customer"] or not attach_others:
            raise _not_theirs(identifier, param)
    if not method["_attaches"]:
        raise declined(param="")
    return account.create(method | {"customer": customer["id"]}, "payment_method.attached")


def _not_theirs(identifier: str, param: str) -> ApiError:
    return ApiError(
        f"The customer does not have a payment method with the ID {identifier}. The payment method must be attached "
        "to the customer.",
        code="resource_missing",
        param=param,
    )


def declined(param: str | None = None, *, keep_changes: bool = False) -> ApiError:
    """Return the 402 error for a declined card."""
    return ApiError(
        "Your card was declined.",
        status=402,
        kind="card_error",
        code="card_declined",
        param=param,
        keep_changes=keep_changes,
        extra={"decline_code": "generic_decline"},
    )


def list_all(account: Account, params: Document) -> Document:
    """GET /v1/payment_methods: empty without a customer."""
    if "customer" not in params:
        return account.listing("/v1/payment_methods", [], False)
    account.find("customer", params["customer"], "customer", 400)
    return _page(account, params, params["customer"], "/v1/payment_methods")


def list_of_customer(account: Account, params: Document, customer: str) -> Document:
    """GET /v1/customers/{customer}/payment_methods."""
    account.find("customer", customer)
    return _page(account, params, customer, f"/v1/customers/{customer}/payment_methods")


def _page(account: Account, params: Document, customer: str, url: str) -> Document:
    return account.page(
        "payment_method",
        url,
        params,
        customer=customer,
    )
