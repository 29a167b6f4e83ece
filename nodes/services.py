"""The clients of all external systems as one value, opened once per process and available to every node of a run.

It is a context variable and not an argument, because Prefect inspects a task's arguments.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from nodes.clients.billing.client import Billing
from nodes.clients.billing.customers import BillingCustomers
from nodes.clients.billing.records import BillingRecords
from nodes.clients.blueprints.published import PublishedBlueprints
from nodes.clients.catalog import read_catalog
from nodes.clients.categories.categorizer import Categorizer, categorizer
from nodes.clients.database.client import Database
from nodes.clients.events import Events
from nodes.clients.hooks import Hooks
from nodes.clients.links import Links
from nodes.clients.mail.client import Mailer
from nodes.clients.mail.reply_addresses import ReplyAddresses
from nodes.clients.mail.reply_inbox import ReplyInbox
from nodes.errors import SettingsInvalid
from nodes.rules.catalog import Catalog
from nodes.settings import ServiceSettings, load


@dataclass(frozen=True)
class Services:
    """One client per external system, and the settings and catalogue that nodes read.

    `reply_addresses`: None where replies don't come in here; `reply_inbox`: None where they don't come from a mailbox.
    """

    settings: ServiceSettings
    catalog: Catalog
    database: Database
    billing: Billing
    records: BillingRecords
    customers: BillingCustomers
    mail: Mailer
    events: Events
    links: Links
    hooks: Hooks
    blueprints: PublishedBlueprints
    reply_addresses: ReplyAddresses | None
    reply_inbox: ReplyInbox | None
    categorizer: Categorizer


_current: ContextVar[Services] = ContextVar("services")


def services() -> Services:
    """Return the services of this run; raises LookupError outside of `using` and `services_of_this_run`."""
    return _current.get()


@contextmanager
def using(available: Services) -> Iterator[None]:
    """Make these services available to everything that starts inside this block."""
    token = _current.set(available)
    try:
        yield
    finally:
        _current.reset(token)


def judge(settings: ServiceSettings) -> None:
    """Raise `SettingsInvalid` for settings that a client would refuse, before anything is opened."""
    read_catalog(settings.catalog)
    Mailer(settings)
    Links(settings)
    _reply_inbox(settings, _reply_addresses(settings))


@asynccontextmanager
async def open_services(settings: ServiceSettings) -> AsyncIterator[Services]:
    """Open every client, and close them all at the end. Raises `SettingsInvalid` for an invalid catalogue."""
    catalog = read_catalog(settings.catalog)
    async with AsyncExitStack() as stack:
        database = Database(settings)
        await database.open()
        stack.push_async_callback(database.close)
        billing = Billing(settings)
        stack.push_async_callback(billing.close)
        records = BillingRecords(settings)
        stack.push_async_callback(records.close)
        customers = BillingCustomers(settings)
        stack.push_async_callback(customers.close)
        events = Events(settings)
        stack.push_async_callback(events.close)
        hooks = Hooks()
        stack.push_async_callback(hooks.close)
        model = categorizer(settings)
        stack.push_async_callback(model.close)
        addresses = _reply_addresses(settings)
        yield Services(
            settings,
            catalog,
            database,
            billing,
            records,
            customers,
            Mailer(settings),
            events,
            Links(settings),
            hooks,
            PublishedBlueprints(database),
            addresses,
            _reply_inbox(settings, addresses),
            model,
        )


def _reply_addresses(settings: ServiceSettings) -> ReplyAddresses | None:
    if not settings.receives_replies:
        return None
    if settings.reply_to is None:
        raise SettingsInvalid("Settings:\n  REPLY_TO is not set: it is the address that gets the replies")
    return ReplyAddresses(settings.reply_to, [settings.link_secret])


def _reply_inbox(settings: ServiceSettings, addresses: ReplyAddresses | None) -> ReplyInbox | None:
    url = settings.reply_imap_url
    return ReplyInbox(url.get_secret_value(), addresses.beginning) if url and addresses else None


@asynccontextmanager
async def services_of_this_run() -> AsyncIterator[Services]:
    """Yield the trigger's services, or open new ones for a run that a worker started."""
    if (available := _current.get(None)) is not None:
        yield available
        return
    async with open_services(load(ServiceSettings)) as opened:
        with using(opened):
            yield opened
