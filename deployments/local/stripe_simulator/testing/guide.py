"""The response of `GET /_simulator/`: every control request, with its parameters and effect."""

from ..wire import API_VERSION, Document
from .faults import KINDS

GUIDE: Document = {
    "api_version": API_VERSION,
    "clock": {
        "GET": {"now": "unix seconds", "offset": "seconds ahead of the real time"},
        "POST": [{"now": "unix seconds"}, {"advance": "seconds"}, {"reset": True}],
    },
    "requests": {
        "GET": "?method=&path=prefix&since=sequence&contains=text",
        "answers": "sequence, time, method, path, params, idempotency_key, status, request_id, replayed, fault",
        "DELETE": "deletes them",
    },
    "faults": {
        "POST": {
            "kind": list(KINDS),
            "method": "GET, POST, DELETE or * (default)",
            "path": "regular expression, searched in the path (default: any)",
            "contains": "text in path or parameters, such as a subscription's id (default: any)",
            "times": "how many calls it affects (default 1; 0: until cleared)",
            "status": "for kind status: the HTTP status (default 500)",
            "headers": "for kind status: further headers, such as Retry-After",
            "error": "for kind status: fields of the error body to override, such as code",
            "stored": "for kind status: whether to store the response under the idempotency key (default false)",
            "seconds": "for kind delay: how long to wait before executing (default 1)",
            "after": "for kind lost_answer: close (default), 500 or timeout, once executed",
        },
        "DELETE": "all, or ?id=fault_…",
    },
    "webhooks": {
        "GET": "deliveries: id, event, type, endpoint, url, state, attempts, status, error",
        "POST": {"paused": "true pauses deliveries, false resumes them"},
        "DELETE": "deletes deliveries, including queued ones",
        "signed": {
            "POST": {"event": "evt_…", "secret": "whsec_…, or a list", "timestamp": "unix seconds (default: now)"},
            "answers": "headers and body, exactly as they would be sent; nothing is sent",
        },
        "redeliver": {"POST": {"event": "evt_…"}},
        "rotate": {"POST": [{"endpoint": "we_…"}, {"endpoint": "we_…", "finish": True}]},
    },
    "portal": {
        "POST": {
            "subscription": "sub_…",
            "action": "cancel, undo, reason, accept_retention_coupon, pause, resume or update",
            "when": "for cancel: period_end (default), immediately, or unix seconds",
            "feedback": "for cancel and reason; with cancel it comes in a separate update, seconds later",
            "feedback_option": "as feedback",
            "comment": "as feedback",
            "coupon": "for accept_retention_coupon",
            "behavior": "for pause: void (default), mark_uncollectible or keep_as_draft",
            "resumes_at": "for pause: unix seconds (default: never); resume ends such a pause",
            "params": "for update: as POST /v1/subscriptions/{id} takes them, as JSON; null unsets",
        },
        "answers": "the subscription",
        "does": "what customers do in Stripe's portal; the events name no request",
    },
    "dashboard": {"POST": "as for portal", "does": "what staff do in Stripe's dashboard; the events name a request"},
    "end": {
        "POST": {
            "subscription": "sub_…",
            "reason": "of cancellation_details (default payment_disputed); any string is accepted",
            "when": "immediately (default) or period_end",
        },
        "does": "ends a subscription as Stripe itself does",
    },
    "age": {
        "POST": {"subscription": "sub_…, an ended one", "seconds": "by how much"},
        "does": "moves all its dates into the past, for programs that use the real time",
    },
    "discounts": {
        "POST": {"customer": "cus_…", "coupon": "id"},
        "does": "gives a customer their own discount, which the API no longer supports",
    },
    "part_payment": {
        "POST": {"invoice": "in_…, an open one", "amount": "less than what remains, in the smallest unit"},
        "does": "pays part of an invoice, which stays open",
    },
    "fill": {
        "POST": {
            "count": "how many customers, each with a subscription",
            "customer": "parameters of POST /v1/customers; {n} in a text is the customer's number",
            "subscription": 'parameters of POST /v1/subscriptions except customer, such as {"items": [{"price": …}]}',
        },
        "does": "creates them directly in the store, without events, for benchmarks",
    },
    "settings": {
        "GET": {"after_last_retry": "what happens after the last failed payment retry"},
        "POST": {"after_last_retry": "cancel (default), unpaid, past_due or pause"},
    },
    "keys": {
        "POST": {
            "key": "rk_test_…",
            "permissions": {"customers": "read", "subscriptions": "write"},
        },
        "does": "restricts a key to these resources; a restricted key never named here may do anything",
    },
    "health": {"GET": {"status": "ok"}},
}
