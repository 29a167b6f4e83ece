"""The endpoints: method, path, handler and parameters."""

from collections.abc import Callable
from dataclasses import dataclass

from . import clocks, events, own_account
from .customer import catalog, coupons, customer_discounts, customers, payment_methods
from .invoice import credit_notes, invoices, payments, preview, refunds
from .parameters import RETRIEVE, Shape
from .subscription import (
    cancellation,
    feedback_options,
    lifecycle,
    pausing,
    schedules,
    subscription_items,
    subscription_parameters,
    subscriptions,
)
from .wire import ApiError, Document

# A handler takes the account, the typed parameters and the ids in the path.
Handler = Callable[..., Document]


@dataclass(frozen=True)
class Route:
    """One endpoint."""

    method: str
    path: str
    handler: Handler
    shape: Shape = RETRIEVE


_CLOCKS = "/v1/test_helpers/test_clocks"
_SCHEDULES = "/v1/subscription_schedules"
_METHODS = "/v1/payment_methods"
_ENDPOINTS = "/v1/webhook_endpoints"

ROUTES = (
    Route("GET", "/v1/account", own_account.retrieve),
    Route("GET", "/v1/accounts/{}", own_account.retrieve),
    Route("GET", "/v1/balance", events.balance),
    Route("POST", "/v1/products", catalog.create_product, catalog.CREATE_PRODUCT),
    Route("GET", "/v1/products", catalog.list_products, catalog.LIST_PRODUCTS),
    Route("GET", "/v1/products/{}", catalog.retrieve_product),
    Route("POST", "/v1/products/{}", catalog.update_product, catalog.UPDATE_PRODUCT),
    Route("POST", "/v1/prices", catalog.create_price, catalog.CREATE_PRICE),
    Route("GET", "/v1/prices", catalog.list_prices, catalog.LIST_PRICES),
    Route("GET", "/v1/prices/{}", catalog.retrieve_price),
    Route("POST", "/v1/prices/{}", catalog.update_price, catalog.UPDATE_PRICE),
    Route("POST", "/v1/customers", customers.create, customers.CREATE),
    Route("GET", "/v1/customers", customers.list_all, customers.LIST),
    Route("GET", "/v1/customers/{}", customers.retrieve),
    Route("POST", "/v1/customers/{}", customers.update, customers.UPDATE),
    Route("DELETE", "/v1/customers/{}/discount", customer_discounts.delete),
    Route("DELETE", "/v1/subscriptions/{}/discount", customer_discounts.delete_of_subscription),
    Route("DELETE", "/v1/customers/{}", customers.deleter(cancellation.end_now)),
    Route(
        "GET", "/v1/customers/{}/payment_methods", payment_methods.list_of_customer, payment_methods.LIST_OF_CUSTOMER
    ),
    Route("POST", _METHODS, payment_methods.create, payment_methods.CREATE),
    Route("GET", _METHODS, payment_methods.list_all, payment_methods.LIST),
    Route("GET", _METHODS + "/{}", payment_methods.retrieve),
    Route("POST", _METHODS + "/{}/attach", payment_methods.attach, payment_methods.ATTACH),
    Route("POST", _METHODS + "/{}/detach", payment_methods.detach),
    Route("POST", "/v1/coupons", coupons.create, coupons.CREATE),
    Route("GET", "/v1/coupons", coupons.list_all, coupons.LIST),
    Route("GET", "/v1/coupons/{}", coupons.retrieve),
    Route("POST", "/v1/coupons/{}", coupons.update, coupons.UPDATE),
    Route("DELETE", "/v1/coupons/{}", coupons.delete),
    Route("POST", "/v1/subscriptions", subscriptions.create, subscription_parameters.CREATE),
    Route("GET", "/v1/subscriptions", subscriptions.list_all, subscription_parameters.LIST),
    Route("GET", "/v1/subscriptions/{}", subscriptions.retrieve),
    Route("POST", "/v1/subscriptions/{}", subscriptions.update, subscription_parameters.UPDATE),
    Route("DELETE", "/v1/subscriptions/{}", subscriptions.cancel, subscription_parameters.CANCEL),
    Route("POST", "/v1/subscriptions/{}/pause", pausing.pause, pausing.PAUSE),
    Route("POST", "/v1/subscriptions/{}/resume", pausing.resume, pausing.RESUME),
    Route("POST", feedback_options.URL, feedback_options.create, feedback_options.CREATE),
    Route("GET", feedback_options.URL, feedback_options.list_all, feedback_options.LIST),
    Route("GET", feedback_options.URL + "/{}", feedback_options.retrieve),
    Route("POST", feedback_options.URL + "/{}", feedback_options.update, feedback_options.UPDATE),
    Route("POST", feedback_options.URL + "/{}/deactivate", feedback_options.deactivate),
    Route("GET", "/v1/subscription_items", subscription_items.list_all, subscription_parameters.LIST_ITEMS),
    Route("GET", "/v1/subscription_items/{}", subscription_items.retrieve),
    Route("POST", _SCHEDULES, schedules.create, schedules.CREATE),
    Route("GET", _SCHEDULES, schedules.list_all, schedules.LIST),
    Route("GET", _SCHEDULES + "/{}", schedules.retrieve),
    Route("POST", _SCHEDULES + "/{}", schedules.update, schedules.UPDATE),
    Route("POST", _SCHEDULES + "/{}/release", schedules.release, schedules.RELEASE),
    Route("POST", _SCHEDULES + "/{}/cancel", schedules.cancel, schedules.CANCEL),
    Route("POST", "/v1/invoices/create_preview", preview.create, preview.CREATE),
    Route("GET", "/v1/invoices", invoices.list_all, invoices.LIST),
    Route("GET", "/v1/invoices/{}", invoices.retrieve),
    Route("POST", "/v1/invoices/{}/pay", lifecycle.pay_invoice, invoices.PAY),
    Route("POST", "/v1/invoices/{}/void", lifecycle.void_invoice),
    Route("GET", "/v1/invoice_payments", payments.list_all, payments.LIST),
    Route("GET", "/v1/invoice_payments/{}", payments.retrieve),
    Route("POST", "/v1/credit_notes", credit_notes.create, credit_notes.CREATE),
    Route("GET", "/v1/credit_notes", credit_notes.list_all, credit_notes.LIST),
    Route("GET", "/v1/credit_notes/preview", credit_notes.preview, credit_notes.CREATE),
    Route("GET", "/v1/credit_notes/{}", credit_notes.retrieve),
    Route("POST", "/v1/credit_notes/{}", credit_notes.update, credit_notes.UPDATE),
    Route("POST", "/v1/refunds", refunds.create, refunds.CREATE),
    Route("GET", "/v1/refunds", refunds.list_all, refunds.LIST),
    Route("GET", "/v1/refunds/{}", refunds.retrieve),
    Route("POST", "/v1/refunds/{}", refunds.update, refunds.UPDATE),
    Route("GET", "/v1/events", events.list_all, events.LIST),
    Route("GET", "/v1/events/{}", events.retrieve),
    Route("POST", _ENDPOINTS, events.create_endpoint, events.CREATE_ENDPOINT),
    Route("GET", _ENDPOINTS, events.list_endpoints, events.LIST_ENDPOINTS),
    Route("GET", _ENDPOINTS + "/{}", events.retrieve_endpoint),
    Route("POST", _ENDPOINTS + "/{}", events.update_endpoint, events.UPDATE_ENDPOINT),
    Route("DELETE", _ENDPOINTS + "/{}", events.delete_endpoint),
    Route("POST", _CLOCKS, clocks.create, clocks.CREATE),
    Route("GET", _CLOCKS, clocks.list_all, clocks.LIST),
    Route("GET", _CLOCKS + "/{}", clocks.retrieve),
    Route("POST", _CLOCKS + "/{}/advance", clocks.advance, clocks.ADVANCE),
    Route("DELETE", _CLOCKS + "/{}", clocks.delete),
)

_BY_LENGTH: dict[tuple[str, int], list[tuple[list[str], Route]]] = {}
for _route in ROUTES:
    _parts = _route.path.split("/")
    _BY_LENGTH.setdefault((_route.method, len(_parts)), []).append((_parts, _route))


def find_route(method: str, path: str) -> tuple[Route, list[str]]:
    """Return the endpoint and the ids in the path; raises Stripe's error for an unknown URL."""
    parts = path.split("/")
    for pattern, route in _BY_LENGTH.get((method, len(parts)), []):
        if all(wanted in ("{}", part) for wanted, part in zip(pattern, parts, strict=True)):
            return route, [part for wanted, part in zip(pattern, parts, strict=True) if wanted == "{}"]
    raise ApiError(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/.",
        status=404,
        executed=False,
    )
