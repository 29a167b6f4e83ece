"""Coupons, and the discounts that apply them to subscriptions."""

from ..account import Account
from ..parameters import EXPAND, PAGE, Kind, Shape, choice, decimal, emptyable, integer, list_of, merged, metadata, text
from ..subscription.periods import add_months
from ..wire import ApiError, Document, new_id, no_such, one_of

CREATE = Shape(
    EXPAND
    | {
        "amount_off": integer(1),
        "currency": text(3),
        "duration": choice("forever", "once", "repeating"),
        "duration_in_months": integer(1),
        "id": text(255),
        "max_redemptions": integer(1),
        "metadata": metadata,
        "name": text(40),
        "percent_off": decimal(0, 100),
        "redeem_by": integer(0),
    },
    lacking="applies_to currency_options",
)
UPDATE = Shape(EXPAND | {"metadata": metadata, "name": emptyable(text(40))}, lacking="currency_options")
LIST = Shape(PAGE)

# `discounts` wherever it is a parameter; an empty string clears the list.
DISCOUNTS: Kind = emptyable(list_of(Shape({"coupon": text(), "discount": text(), "promotion_code": text()})))


def create(account: Account, params: Document) -> Document:
    """POST /v1/coupons."""
    _check_terms(account, params)
    identifier = params.get("id") or new_id("c", 8)[2:].upper()
    taken = account.store.get("coupon", identifier)
    if taken and not taken.get("_deleted"):
        raise ApiError("Coupon already exists.", code="resource_already_exists", param="id")
    if taken:
        account.store.remove("coupon", identifier)
    coupon = {
        "id": identifier,
        "object": "coupon",
        "amount_off": params.get("amount_off"),
        "created": account.now(),
        "currency": params["currency"].lower() if "amount_off" in params else None,
        "duration": params.get("duration", "once"),
        "duration_in_months": params.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merged({}, params.get("metadata")),
        "name": params.get("name"),
        "percent_off": params.get("percent_off"),
        "redeem_by": params.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }
    return account.create(coupon, "coupon.created")


def _check_terms(account: Account, params: Document) -> None:
    if "percent_off" in params and "amount_off" in params:
        raise one_of(("percent_off", "amount_off"))
    if not params.get("percent_off") and "amount_off" not in params:
        message = "You must pass either `percent_off` or `amount_off`, and it must be greater than 0."
        raise ApiError(message, param="percent_off", executed=False)
    if "amount_off" in params and "currency" not in params:
        raise _missing("currency", "You must pass `currency` when passing `amount_off`.")
    repeating = params.get("duration") == "repeating"
    if repeating and "duration_in_months" not in params:
        raise _missing("duration_in_months", "You must pass `duration_in_months` when `duration` is `repeating`.")
    if not repeating and "duration_in_months" in params:
        message = "You can only pass `duration_in_months` when `duration` is `repeating`."
        raise ApiError(message, param="duration_in_months", executed=False)
    if params.get("redeem_by", account.now() + 1) <= account.now():
        raise ApiError("`redeem_by` must be in the future.", param="redeem_by", executed=False)


def _missing(param: str, message: str) -> ApiError:
    return ApiError(message, code="parameter_missing", param=param, executed=False)


def retrieve(account: Account, _params: Document, identifier: str) -> Document:
    """GET /v1/coupons/{coupon}."""
    return account.find("coupon", identifier, "coupon")


def update(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/coupons/{coupon}."""
    before = account.find("coupon", identifier, "coupon")
    after = before | {"metadata": merged(before["metadata"], params.get("metadata"))}
    if "name" in params:
        after["name"] = params["name"] or None
    return account.update(before, after, "coupon.updated")


def delete(account: Account, _params: Document, identifier: str) -> Document:
    """DELETE /v1/coupons/{coupon}: existing discounts stay."""
    coupon = account.find("coupon", identifier, "coupon")
    account.emit("coupon.deleted", coupon)
    account.save(coupon | {"_deleted": True})
    return {"id": identifier, "object": "coupon", "deleted": True}


def list_all(account: Account, params: Document) -> Document:
    """GET /v1/coupons."""
    return account.page("coupon", "/v1/coupons", params)


def redeemable(account: Account, identifier: str, param: str, currency: str) -> Document:
    """Return a redeemable coupon; raises Stripe's error if it is deleted, expired, used up or in another currency."""
    coupon = account.find("coupon", identifier, param, 400)
    if not account.render(coupon)["valid"]:
        raise ApiError(f"Coupon expired: {identifier}", code="coupon_expired", param=param)
    if coupon["currency"] not in (None, currency):
        raise ApiError(
            f"This coupon cannot be redeemed because it uses currency {coupon['currency']} while the subscription "
            f"uses currency {currency}.",
            param=param,
        )
    return coupon


def resolve(
    account: Account, subscription: Document, entries: list[Document] | str, prefix: str = "discounts"
) -> list[Document]:
    """Return the discounts of a `discounts` parameter, in order: existing ones, and new ones not yet stored."""
    if isinstance(entries, str):
        return []
    found: list[Document] = []
    for index, entry in enumerate(entries):
        name = f"{prefix}[{index}]"
        if len(entry) != 1:
            raise one_of([f"{name}[{key}]" for key in entry] or [f"{name}[coupon]", f"{name}[discount]"])
        if entry in entries[:index]:
            raise ApiError("Each entry in `discounts` must be unique.", param=name)
        found.append(_entry(account, subscription, entry, name))
    return found


def _entry(account: Account, subscription: Document, entry: Document, name: str) -> Document:
    if "promotion_code" in entry:
        raise no_such("promotion code", entry["promotion_code"], f"{name}[promotion_code]", 400)
    if "discount" in entry:
        if entry["discount"] in subscription["discounts"]:
            return account.peek("discount", entry["discount"])
        # "An existing discount on the object (or ancestor) to reuse."
        inherited = account.peek("customer", subscription["customer"])["discount"]
        if inherited is None or inherited["id"] != entry["discount"]:
            raise no_such("discount", entry["discount"], f"{name}[discount]", 400)
        return account.peek("discount", inherited["id"]) | {"id": new_id("di"), "subscription": subscription["id"]}
    coupon = redeemable(account, entry["coupon"], f"{name}[coupon]", subscription["currency"])
    return new_discount(account, subscription, coupon)


def new_discount(account: Account, subscription: Document, coupon: Document) -> Document:
    """Return a coupon's discount on a subscription, starting now and lasting the coupon's number of calendar months."""
    start = account.now(subscription["test_clock"])
    months = coupon["duration_in_months"]
    return {
        "id": new_id("di"),
        "object": "discount",
        "checkout_session": None,
        "customer": subscription["customer"],
        "customer_account": None,
        "end": add_months(start, months) if coupon["duration"] == "repeating" else None,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": None,
        "source": {"coupon": coupon["id"], "type": "coupon"},
        "start": start,
        "subscription": subscription["id"],
        "subscription_item": None,
        "_clock": subscription["test_clock"],
        # The terms stay as granted, even if the coupon is deleted and its id reused.
        "_terms": {name: coupon[name] for name in ("amount_off", "duration", "percent_off")},
    }


def attach(account: Account, subscription: Document, discounts: list[Document]) -> None:
    """Set a subscription's discounts to exactly these: redeem new ones, and end missing ones."""
    old = set(subscription["discounts"])
    for discount in discounts:
        if discount["id"] not in old:
            coupon = account.peek("coupon", discount["source"]["coupon"])
            account.save(coupon | {"times_redeemed": coupon["times_redeemed"] + 1})
            account.create(discount, "customer.discount.created")
    for gone in old - {discount["id"] for discount in discounts}:
        account.emit("customer.discount.deleted", account.peek("discount", gone))
    subscription["discounts"] = [discount["id"] for discount in discounts]
    ends = {discount["id"]: discount["end"] for discount in discounts if discount["end"] is not None}
    subscription["_discount_ends"] = ends


def drop(account: Account, subscription: Document, gone: list[str]) -> None:
    """Remove used-up or ended discounts from a subscription."""
    kept = [account.peek("discount", one) for one in subscription["discounts"] if one not in gone]
    attach(account, subscription, kept)
