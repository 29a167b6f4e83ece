"""A customer's own discount, which applies to every subscription that has none."""

from ..account import Account, public
from ..wire import ApiError, Document
from . import coupons


def give(account: Account, customer: Document, coupon: str) -> Document:
    """Apply a coupon to a customer, replacing any current discount."""
    found = account.find("coupon", coupon, "coupon", 400)
    if customer["discount"]:
        customer = end(account, customer)
    holder = {"id": None, "customer": customer["id"], "test_clock": customer["test_clock"]}
    discount = coupons.new_discount(account, holder, found)
    account.save(found | {"times_redeemed": found["times_redeemed"] + 1})
    account.create(discount, "customer.discount.created")
    return account.update(customer, customer | {"discount": public(discount)}, "customer.updated")


def end(account: Account, customer: Document) -> Document:
    """Remove a customer's discount."""
    account.emit("customer.discount.deleted", account.peek("discount", customer["discount"]["id"]))
    return account.update(customer, customer | {"discount": None}, "customer.updated")


def run_out(account: Account, customer: Document, _at: int) -> None:
    """End a customer's discount after its last month."""
    end(account, customer)


def delete(account: Account, _params: Document, identifier: str) -> Document:
    """DELETE /v1/customers/{customer}/discount."""
    customer = account.find("customer", identifier)
    if customer["discount"] is None:
        raise _none("customer", identifier)
    end(account, customer)
    return dict(customer["discount"]) | {"deleted": True}


def delete_of_subscription(account: Account, _params: Document, identifier: str) -> Document:
    """DELETE /v1/subscriptions/{subscription}/discount: removes all of them; the customer's own then applies again."""
    before = account.find("subscription", identifier)
    if not before["discounts"]:
        raise _none("subscription", identifier)
    gone = public(account.peek("discount", before["discounts"][0]))
    after = dict(before)
    coupons.attach(account, after, [])
    account.update(before, after, "customer.subscription.updated")
    return gone | {"deleted": True}


def _none(kind: str, identifier: str) -> ApiError:
    return ApiError(f"No active discount for {kind}: {identifier}", status=404, code="resource_missing")
