"""Check of how customers' replies come in: REPLY_TO's room for reply addresses, the mailbox, and webhooks."""

from deployments.doctor.finding import Findings, ok
from nodes.clients.mail.reply_addresses import ReplyAddresses
from nodes.clients.mail.reply_inbox import ReplyInbox
from nodes.errors import SettingsInvalid
from nodes.settings import LinkSettings, MailSettings, ReplySettings, load


async def examine() -> Findings:
    """Check that the mailbox can be opened, and name who may post replies."""
    settings, mail, links = load(ReplySettings), load(MailSettings), load(LinkSettings)
    if not settings.receives_replies:
        yield ok("replies", "none come in here: neither REPLY_IMAP_URL nor REPLY_WEBHOOKS is set")
        return
    if mail.reply_to is None:
        raise SettingsInvalid("Settings:\n  REPLY_TO is not set: it is the address that gets the replies")
    addresses = ReplyAddresses(mail.reply_to, [links.link_secret])
    if settings.reply_imap_url:
        async with ReplyInbox(settings.reply_imap_url.get_secret_value(), addresses.beginning).opened() as inbox:
            waiting = len(await inbox.new())
        yield ok("mailbox", f"{waiting} emails to {addresses.beginning}… wait to be read")
    if settings.reply_webhooks:
        base = f"{links.public_url.rstrip('/')}/webhooks/replies"
        paths = {"mailgun": "mailgun/mime"}
        yield ok("webhooks", ", ".join(f"{base}/{paths.get(each, each)}" for each in settings.reply_webhooks))
