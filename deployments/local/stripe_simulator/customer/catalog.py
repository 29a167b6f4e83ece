"""The endpoints for products and prices."""

from typing import Any

from ..account import Account
from ..parameters import EXPAND, PAGE, Shape, boolean, choice, emptyable, integer, list_of, merged, metadata, text
from ..wire import ApiError, Document, new_id, no_such, one_of

_INTERVAL = choice("day", "week", "month", "year")
_PRODUCT = {
    "active": boolean,
    "description": emptyable(text()),
    "images": emptyable(list_of(text())),
    "metadata": metadata,
    "name": text(),
    "statement_descriptor": text(22),
    "tax_code": emptyable(text()),
    "unit_label": emptyable(text(12)),
    "url": emptyable(text()),
}
CREATE_PRODUCT = Shape(
    EXPAND | _PRODUCT | {"id": text(), "type": choice("good", "service"), "shippable": boolean},
    required=("name",),
    lacking="default_price_data marketing_features package_dimensions tax_details",
)
UPDATE_PRODUCT = Shape(
    EXPAND | _PRODUCT | {"default_price": text(), "shippable": boolean},
    lacking="marketing_features package_dimensions tax_details",
)
LIST_PRODUCTS = Shape(PAGE | {"active": boolean, "ids": list_of(text())}, lacking="shippable url type")

CREATE_PRICE = Shape(
    EXPAND
    | {
        "active": boolean,
        "billing_scheme": choice("per_unit", "tiered"),
        "currency": text(3),
        "lookup_key": text(200),
        "metadata": metadata,
        "nickname": text(),
        "product": text(),
        "product_data": Shape({"name": text(), "id": text(), "metadata": metadata, "active": boolean}, ("name",)),
        "recurring": Shape(
            {"interval": _INTERVAL, "interval_count": integer(1), "usage_type": choice("licensed")},
            required=("interval",),
            lacking="meter trial_period_days",
        ),
        "tax_behavior": choice("exclusive", "inclusive", "unspecified"),
        "transfer_lookup_key": boolean,
        "unit_amount": integer(0),
    },
    required=("currency",),
    lacking="currency_options custom_unit_amount tiers tiers_mode transform_quantity unit_amount_decimal",
)
UPDATE_PRICE = Shape(
    EXPAND
    | {
        "active": boolean,
        "lookup_key": emptyable(text(200)),
        "metadata": metadata,
        "nickname": emptyable(text()),
        "tax_behavior": choice("exclusive", "inclusive", "unspecified"),
        "transfer_lookup_key": boolean,
    },
    lacking="currency_options",
)
LIST_PRICES = Shape(
    PAGE
    | {
        "active": boolean,
        "currency": text(3),
        "lookup_keys": list_of(text(200)),
        "product": text(),
        "recurring": Shape({"interval": _INTERVAL, "usage_type": choice("licensed", "metered")}, lacking="meter"),
        "type": choice("one_time", "recurring"),
    }
)


def create_product(account: Account, params: Document) -> Document:
    """POST /v1/products."""
    identifier = params.get("id") or new_id("prod", 14)
    if account.store.get("product", identifier):
        raise ApiError("Product already exists.", code="resource_already_exists", param="id")
    now = account.now()
    product = {
        "id": identifier,
        "object": "product",
        "active": params.get("active", True),
        "created": now,
        "default_price": None,
        "description": params.get("description") or None,
        "images": params.get("images") or [],
        "livemode": False,
        "marketing_features": [],
        "metadata": merged({}, params.get("metadata")),
        "name": params["name"],
        "package_dimensions": None,
        "shippable": params.get("shippable"),
        "statement_descriptor": params.get("statement_descriptor"),
        "tax_code": params.get("tax_code") or None,
        "tax_details": None,
        "type": params.get("type", "service"),
        "unit_label": params.get("unit_label") or None,
        "updated": now,
        "url": params.get("url") or None,
    }
    return account.create(product, "product.created")


def retrieve_product(account: Account, _params: Document, identifier: str) -> Document:
    """GET /v1/products/{id}."""
    return account.find("product", identifier)


def update_product(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/products/{id}."""
    before = account.find("product", identifier)
    if "default_price" in params:
        account.find("price", params["default_price"], "default_price", 400)
    after = before | _plain(params) | {"metadata": merged(before["metadata"], params.get("metadata"))}
    if after != before:
        after["updated"] = account.now()
    return account.update(before, after, "product.updated")


def list_products(account: Account, params: Document) -> Document:
    """GET /v1/products."""

    def matches(product: Document) -> bool:
        return ("active" not in params or product["active"] == params["active"]) and (
            "ids" not in params or product["id"] in params["ids"]
        )

    return account.page("product", "/v1/products", params, matches)


def create_price(account: Account, params: Document) -> Document:
    """POST /v1/prices."""
    if "unit_amount" not in params:
        raise ApiError("Missing required param: unit_amount.", code="parameter_missing", param="unit_amount")
    product = _product_of(account, params)
    _claim_lookup_key(account, params)
    recurring = params.get("recurring")
    price = {
        "id": new_id("price"),
        "object": "price",
        "active": params.get("active", True),
        "billing_scheme": params.get("billing_scheme", "per_unit"),
        "created": account.now(),
        "currency": params["currency"].lower(),
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": params.get("lookup_key"),
        "metadata": merged({}, params.get("metadata")),
        "nickname": params.get("nickname"),
        "product": product,
        "recurring": _recurring(recurring) if recurring else None,
        "tax_behavior": params.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if recurring else "one_time",
        "unit_amount": params["unit_amount"],
        "unit_amount_decimal": str(params["unit_amount"]),
    }
    return account.create(price, "price.created")


def _recurring(given: Document) -> Document:
    defaults = {"interval_count": 1, "meter": None, "trial_period_days": None, "usage_type": "licensed"}
    return {"interval": given["interval"]} | defaults | given


def _product_of(account: Account, params: Document) -> str:
    if "product" in params and "product_data" in params:
        raise one_of(("product", "product_data"))
    if "product_data" in params:
        return str(create_product(account, params["product_data"])["id"])
    if "product" not in params:
        raise ApiError("Missing required param: product.", code="parameter_missing", param="product")
    return str(account.find("product", params["product"], "product", 400)["id"])


def _claim_lookup_key(account: Account, params: Document, owner: str | None = None) -> None:
    key = params.get("lookup_key")
    holder = next(account.store.scan("price", lookup=key), None) if key else None
    if holder is None or holder["id"] == owner:
        return
    if not params.get("transfer_lookup_key"):
        raise ApiError(
            f"A price (`{holder['id']}`) already uses that lookup key.",
            code="resource_already_exists",
            param="lookup_key",
        )
    account.update(holder, holder | {"lookup_key": None}, "price.updated")


def retrieve_price(account: Account, _params: Document, identifier: str) -> Document:
    """GET /v1/prices/{id}."""
    return account.find("price", identifier, "price")


def update_price(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/prices/{id}."""
    before = account.find("price", identifier, "price")
    _claim_lookup_key(account, params, identifier)
    changes = {name: value for name, value in _plain(params).items() if name != "transfer_lookup_key"}
    after = before | changes | {"metadata": merged(before["metadata"], params.get("metadata"))}
    return account.update(before, after, "price.updated")


def list_prices(account: Account, params: Document) -> Document:
    """GET /v1/prices."""
    if "product" in params and account.store.get("product", params["product"]) is None:
        raise no_such("product", params["product"], "product", 400)

    def matches(price: Document) -> bool:
        recurring = price["recurring"] or {}
        return (
            all(price[name] == params[name] for name in ("active", "currency", "product", "type") if name in params)
            and ("lookup_keys" not in params or price["lookup_key"] in params["lookup_keys"])
            and all(recurring.get(name) == value for name, value in params.get("recurring", {}).items())
        )

    keys = params.get("lookup_keys", [])
    return account.page("price", "/v1/prices", params, matches, lookup=keys[0] if len(keys) == 1 else None)


def _plain(params: Document) -> dict[str, Any]:
    """Return the parameters that are stored unchanged; an empty string clears a field."""
    skipped = ("expand", "metadata")
    return {name: None if value == "" else value for name, value in params.items() if name not in skipped}
