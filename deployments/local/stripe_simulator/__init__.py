"""A local Stripe simulator: HTTP for the real SDK, state in one file, time and faults controlled by tests.

    python -m deployments.local.stripe_simulator [--host 127.0.0.1] [--port 12111] [--data stripe.sqlite3] \\
        [--webhook-url URL --webhook-secret whsec_…] [--dunning-days 14]

It starts with an empty account, which is lost when it ends unless `--data` names a file.

Under `/v1/` it implements the part of Stripe's API, version 2026-10-28.endive, that subscriptions and their
cancellation need; `routes.ROUTES` lists the endpoints. A Stripe parameter that it does not implement returns 501.
Under `/_simulator/`, without a key, tests control it; `GET /_simulator/` returns `guide.GUIDE`:

    GET, POST /_simulator/clock                {"now": unix} or {"advance": seconds} or {"reset": true}
    GET, DELETE /_simulator/requests           ?method= &path= (prefix) &since= (sequence) &contains= (an id)
    GET, POST, DELETE /_simulator/faults       {"kind": …, "method": …, "path": regex, "contains": …, "times": n, …}
    GET, POST, DELETE /_simulator/webhooks     {"paused": true or false}
    POST /_simulator/webhooks/redeliver        {"event": "evt_…"}
    POST /_simulator/webhooks/rotate           {"endpoint": "we_…"}, and then {"endpoint": "we_…", "finish": true}
    POST /_simulator/webhooks/signed           {"event": "evt_…", "secret": "whsec_…", "timestamp": unix}
    POST /_simulator/portal, dashboard         {"subscription": "sub_…", "action": "cancel", "feedback": …, …}
    POST /_simulator/end                       {"subscription": "sub_…", "reason": "payment_disputed"}
    POST /_simulator/discounts                 {"customer": "cus_…", "coupon": …}
    POST /_simulator/fill                      {"count": 100000, "subscription": {"items": [{"price": "price_…"}]}}
    POST /_simulator/keys                      {"key": "rk_test_…", "permissions": {"customers": "read", …}}
    GET, POST /_simulator/settings             {"after_last_retry": "cancel", "unpaid", "past_due" or "pause"}
    GET /_simulator/health

The global clock is real time plus an offset, and keeps running; a customer on a test clock follows only that clock.
"""
