"""Run the inbox: `python -m deployments.local.inbox --smtp-port 1025 --http-port 8025 --directory mail`."""

import argparse
import asyncio
from pathlib import Path

import uvicorn

from deployments.local.inbox.emails import Mailbox
from deployments.local.inbox.page import application
from deployments.local.inbox.replies import Replies
from deployments.local.inbox.smtp import Security, listen


async def serve(arguments: argparse.Namespace) -> None:
    """Serve mail and the page until asked to stop. SMTP starts first, so a responding page means mail is accepted."""
    mailbox = Mailbox(arguments.directory)
    security = Security(
        certificate=arguments.tls_cert,
        key=arguments.tls_key,
        starttls=arguments.starttls,
        implicit_tls=arguments.implicit_tls,
        user=arguments.user,
        password=arguments.password,
    )
    mail = await listen(mailbox, arguments.host, arguments.smtp_port, security)
    replies = Replies(arguments.replies_to, arguments.replies_key) if arguments.replies_to else None
    config = uvicorn.Config(
        application(mailbox, replies),
        host=arguments.host,
        port=arguments.http_port,
        log_level="warning",
        lifespan="off",
    )
    try:
        await uvicorn.Server(config).serve()
    finally:
        mail.close()


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(description="Receive mail, and show it on a page.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--smtp-port", type=int, default=1025)
    parser.add_argument("--http-port", type=int, default=8025)
    parser.add_argument("--directory", type=Path, required=True, help="where to store the emails")
    parser.add_argument("--replies-to", help="post replies from the page to this address, as Mailgun would …")
    parser.add_argument("--replies-key", default="", help="… signed with this key")
    parser.add_argument("--tls-cert", type=Path, help="PEM")
    parser.add_argument("--tls-key", type=Path, help="PEM; default: in the certificate's file")
    secure = parser.add_mutually_exclusive_group()
    secure.add_argument("--starttls", action="store_true", help="accept mail only after STARTTLS")
    secure.add_argument("--implicit-tls", action="store_true", help="TLS from the first byte")
    parser.add_argument("--user", help="accept mail only after login with this name …")
    parser.add_argument("--password", help="… and this password")
    arguments = parser.parse_args()
    if (arguments.starttls or arguments.implicit_tls) and not arguments.tls_cert:
        parser.error("--starttls and --implicit-tls need --tls-cert")
    asyncio.run(serve(arguments))


if __name__ == "__main__":
    main()
