"""`GET /` of the embedded stack: links to everything that is running. Enabled by `START_PAGE`."""

from typing import NamedTuple

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from deployments.http.pages.page import render
from deployments.http.pages.without_login.screens import ADDRESS
from nodes.settings import TriggerSettings


class Link(NamedTuple):
    """A link: relative for the trigger's own pages, since `PUBLIC_URL` may have a path."""

    title: str
    url: str | None
    about: str


def start_page(settings: TriggerSettings, *, with_shop: bool) -> APIRouter:
    """Return a router with the start page, or an empty one if it is disabled, so that `/` is a 404."""
    router = APIRouter(tags=["pages"], include_in_schema=False)
    links = (
        Link(
            "Demo shop",
            "shop" if with_shop else None,
            "A demo customer's account, with a button to the cancel page.",
        ),
        Link(
            "Cancel without signing in",
            ADDRESS if settings.cancel_without_login else None,
            "The page that customers reach by a link on your site, with a code sent by email.",
        ),
        Link("API reference", "docs", "Every endpoint, with its parameters, its responses and an example."),
        Link("Inbox", settings.inbox_url, "The emails that customers have received."),
        Link("Prefect", settings.prefect_ui_url, "Every run of every flow, step by step."),
        Link("Health", "readyz", "Whether each part is up."),
    )

    async def start() -> HTMLResponse:
        return render("start.html", title="cancelflow is running", links=[link for link in links if link.url])

    if settings.start_page:
        router.add_api_route("/", start)
    return router
