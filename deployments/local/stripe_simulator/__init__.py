"""A small Stripe on one machine: real HTTP for the real SDK, state in one file, time and faults at a test's will.

    python -m deployments.local.stripe_simulator [--host 127.0.0.1] [--port 12111] [--data stripe.sqlite3] \\
        [--webhook-url URL --webhook-secret whsec_…] [--dunning-days 14]

Started alone it is an empty account, which is forgotten when it ends unless `--data` names a file.

Under `/v1/` it speaks Stripe's API as of version 2026-10-28.endive, as far as subscriptions and their cancellation
need it; `routes.ROUTES` lists the endpoints. A parameter that Stripe has and the simulator lacks answers 501.
Under `/_simulator/`, without a key, tests steer it; `GET /_simulator/` answers `control.GUIDE`:

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

The global clock is the real time plus an offset, and goes on; a customer on a test clock lives by that clock alone.
"""
