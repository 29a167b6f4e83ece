"""Plan the local replacements for Stripe, Pub/Sub, a mail server and the vendor of calls."""

import base64
from urllib.parse import urlsplit

from deployments.local.errors import StackError
from deployments.local.planned import LOOPBACK, PlannedStack, module

SIMULATOR_KEY = "sk_test_cancelflow"  # not a secret: it only opens a simulator on loopback
PROJECT = "cancelflow-local"
TOPIC = "billing-events"
REPLY_TO = "Support <support@localhost>"
REAL_STRIPE = "https://api.stripe.com"
REAL_PUBSUB = "pubsub.googleapis.com:443"


def plan_stripe(stack: PlannedStack) -> None:
    """Plan the simulator, unless STRIPE_API_KEY (the real Stripe) or STRIPE_API_BASE (another simulator) is set."""
    key, base = stack.given.get("STRIPE_API_KEY"), stack.given.get("STRIPE_API_BASE")
    if base and not key:
        raise StackError("STRIPE_API_BASE is set and STRIPE_API_KEY is not: set both, or neither")
    if not key and "stripe" in stack.wanted:
        key, base = SIMULATOR_KEY, _add_stripe(stack)
    stack.set(STRIPE_API_KEY=key, STRIPE_API_BASE=base)
    stack.addresses |= {"stripe": base or (REAL_STRIPE if key else None), "stripe_api_key": key}


def plan_pubsub(stack: PlannedStack) -> None:
    """Plan the emulator, unless GOOGLE_CLOUD_PROJECT (the real one) or PUBSUB_EMULATOR_HOST (another) is set."""
    emulator, project = stack.given.get("PUBSUB_EMULATOR_HOST"), stack.given.get("GOOGLE_CLOUD_PROJECT")
    topic = stack.given.get("PUBSUB_TOPIC", TOPIC)
    address = emulator or (REAL_PUBSUB if project else None)
    project = project or PROJECT
    if address is None and "pubsub" in stack.wanted:
        address = emulator = _add_pubsub(stack, f"projects/{project}/topics/{topic}")
    elif emulator and "pubsub" in stack.wanted:
        stack.add_command("topic", "Topic", module("deployments.local.parts.topic"), needs=())
    stack.set(GOOGLE_CLOUD_PROJECT=project, PUBSUB_TOPIC=topic, PUBSUB_EMULATOR_HOST=emulator)
    stack.addresses |= {"pubsub": address, "google_cloud_project": project, "pubsub_topic": topic}


def plan_mail(stack: PlannedStack) -> None:
    """Plan the inbox, unless SMTP_URL names a mail server."""
    smtp, inbox = stack.given.get("SMTP_URL"), None
    if smtp is None and "inbox" in stack.wanted:
        smtp, inbox = _add_inbox(stack)
        # Without REPLY_TO the email that asks for a reason is not sent, and the inbox should show every email.
        stack.set(REPLY_TO=stack.given.get("REPLY_TO", REPLY_TO))
    stack.set(SMTP_URL=smtp, INBOX_URL=inbox)
    stack.addresses |= {"smtp": smtp, "inbox": inbox}


def plan_calls(stack: PlannedStack) -> None:
    """Plan the stand-in for the vendor of calls, where CALL_VENDOR is set and CALL_WEBHOOK_URL names no other."""
    trigger, stack.addresses["calls"] = stack.addresses["http"], None
    wanted = stack.given.get("CALL_VENDOR") and "calls" in stack.wanted
    if not wanted or not trigger or stack.given.get("CALL_WEBHOOK_URL"):
        return
    secret = "whsec_" + base64.b64encode(stack.secrets["call_vendor"].encode()).decode()
    port = stack.ports.choose("calls")
    address = f"http://{LOOPBACK}:{port}"
    listen = ["--host", LOOPBACK, "--port", str(port)]
    report = ["--results-url", f"{trigger}/webhooks/calls", "--secret", secret]
    stack.add_http(
        "calls", "Calls", module("deployments.local.call_vendor", *listen, *report), address=address, health="/health"
    )
    stack.set(CALL_WEBHOOK_URL=f"{address}/calls", CALL_WEBHOOK_SECRET=secret, CALL_RESULT_SECRETS=secret)
    fields = "agentName=Robin,companyName=Example"
    stack.set(CALL_SCRIPT_FIELDS=stack.given.get("CALL_SCRIPT_FIELDS", fields))
    stack.addresses["calls"] = address


def _add_stripe(stack: PlannedStack) -> str:
    port = stack.ports.choose("stripe")
    address = f"http://{LOOPBACK}:{port}"
    data = stack.directory / "stripe.json"
    command = module("deployments.local.stripe_simulator", "--host", LOOPBACK, "--port", port, "--data", data)
    if trigger := stack.addresses["http"]:
        # Like an endpoint created in Stripe's dashboard: it receives every event, signed with a secret shown once.
        secret = f"whsec_{stack.secrets['stripe_webhook']}"
        command += ["--webhook-url", f"{trigger}/webhooks/stripe", "--webhook-secret", secret]
        stack.set(STRIPE_WEBHOOK_SECRETS=stack.given.get("STRIPE_WEBHOOK_SECRETS", secret))
        # The trigger's demo shop exists only beside a simulator. It makes session tokens as a company's server does.
        shop = f"{stack.environment['PUBLIC_URL']}/shop"
        stack.set(SESSION_REFRESH_URL=stack.given.get("SESSION_REFRESH_URL", f"{shop}/cancel"))
        stack.addresses |= {"shop": shop}
        if urlsplit(trigger).hostname == LOOPBACK:  # as browsers let a page without TLS embed another
            stack.set(EMBED_ORIGINS=stack.given.get("EMBED_ORIGINS", trigger))
    stack.add_http("stripe", "Stripe simulator", command, address=address, health="/_simulator/health")
    return address


def _add_pubsub(stack: PlannedStack, topic: str) -> str:
    port = stack.ports.choose("pubsub")
    command = module("deployments.local.pubsub_emulator", "--host", LOOPBACK, "--port", port, "--topic", topic)
    stack.add_tcp("pubsub", "Pub/Sub emulator", command, host=LOOPBACK, port=port)
    return f"{LOOPBACK}:{port}"


def _add_inbox(stack: PlannedStack) -> tuple[str, str]:
    smtp, page = stack.ports.choose("smtp"), stack.ports.choose("inbox")
    listen = ["--host", LOOPBACK, "--smtp-port", str(smtp), "--http-port", str(page)]
    command = module("deployments.local.inbox", *listen, "--directory", stack.directory / "mail")
    trigger = stack.addresses["http"]
    if trigger and not stack.given.keys() & {"REPLY_TO", "REPLY_WEBHOOKS", "REPLY_IMAP_URL"}:
        # Like Mailgun, the inbox posts replies to the trigger: those that are written on its page.
        key = stack.secrets["replies"]
        command += ["--replies-to", f"{trigger}/webhooks/replies/mailgun/mime", "--replies-key", key]
        stack.set(REPLY_WEBHOOKS=f"mailgun={key}")
    address = f"http://{LOOPBACK}:{page}"
    stack.add_http("inbox", "Inbox", command, address=address, health="/health")
    return f"smtp://{LOOPBACK}:{smtp}", address
