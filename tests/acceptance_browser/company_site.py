"""A company's site with the embed, on another origin than the trigger, and what its callbacks are called with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from playwright.sync_api import FrameLocator, Page, expect

from tests.cancel_page.visitor import token
from tests.world import Person, World

LISTENERS = ("onPause", "onCancel", "onDiscount", "onTrialExtension", "onPlanChange", "onStepChange", "onClose")
PAGE = """<!doctype html><html lang="en"><title>Your account</title><link rel="icon" href="data:,">
<main><h1>Your account</h1><button id="cancel">Cancel subscription</button><p class="tall">…</p></main>
<script src="{trigger}/embed.js"></script><script nonce="n">
  window.calls = []
  // `handlers`: what each resolves with, or `rejects`, or `throws`; null: `finish` ends it.
  window.offer = (token, handlers, listeners) => {{
    const options = {{token}}
    for (const name of listeners) options[name] = (...given) => {{ calls.push([name, ...given]) }}
    for (const [name, does] of Object.entries(handlers)) options[name] = async (...given) => {{
      calls.push([name, ...given])
      if (does === null) return new Promise(resolve => {{ window.finish = resolve }})
      if (does?.throws) throw new Error(does.throws)
      if (does?.rejects) throw {{message: does.rejects}}
      return does
    }}
    document.getElementById("cancel").onclick = () => cancelflow.init("show", options)
  }}
</script></html>"""
# Strict, as a bank's: the trigger's script and frame, and no styles at all.
POLICY = "default-src 'none'; script-src {trigger} 'nonce-n'; frame-src {trigger} http://127.0.0.1:*; img-src data:"


@contextmanager
def site(pages: Callable[[str], tuple[str, dict[str, str]]]) -> Iterator[int]:
    """Serve pages on a port of this machine: body and headers by path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, headers = pages(self.path)
            if self.path.startswith("/cookie"):  # what the browser sent
                body = f"<!doctype html><title>Cookies</title><p>{self.headers.get('Cookie', 'none')}</p>"
            self.send_response(200)
            for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Keep the tests' output readable."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def account_page(trigger: str) -> tuple[str, dict[str, str]]:
    """Return the company's page, which loads the embed from this trigger."""
    return PAGE.format(trigger=trigger), {"Content-Security-Policy": POLICY.format(trigger=trigger)}


@dataclass
class Account:
    """A customer's account on the company's site, in a page. `forms`: what the frame submitted, each as its fields."""

    world: World
    page: Page
    url: str
    forms: list[str] = field(default_factory=list)

    def open(
        self,
        case: str | Person,
        *,
        handlers: dict[str, Any] | None = None,
        listeners: tuple[str, ...] = LISTENERS,
        declared: list[str] | None = None,
        **claims: Any,
    ) -> Person:
        """Open the site for a customer, and press its button. `declared`: the token's claim `handlers`."""
        person = self.world.person(case) if isinstance(case, str) else case
        self.page.on("request", lambda sent: self.forms.append(sent.post_data or "") if sent.method == "POST" else None)
        self.page.goto(self.url)
        given = [token(person, handlers=declared, **claims), handlers or {}, list(listeners)]
        self.page.evaluate("given => offer(...given)", given)
        self.page.locator("#cancel").click()
        return person

    @property
    def frame(self) -> FrameLocator:
        """The page inside of the dialog."""
        return self.page.frame_locator("dialog.cancelflow iframe")

    def shows(self, title: str) -> None:
        """Wait until the page in the dialog has this title."""
        expect(self.frame.get_by_role("heading", level=1)).to_have_text(title)

    def press(self, button: str) -> None:
        """Press the first button with this text inside of the frame."""
        self.frame.locator("main button", has_text=button).first.click()

    def answer(self, reason: str) -> None:
        """Choose a reason, and continue."""
        self.frame.locator(f"#reason-{reason}").check()
        self.press("Continue")

    def calls(self, name: str) -> list[list[Any]]:
        """Return the arguments of each call of a callback so far."""
        found: list[list[Any]] = self.page.evaluate("calls")
        return [arguments for called, *arguments in found if called == name]

    def wait_for(self, name: str) -> list[Any]:
        """Wait until a callback was called, and return the arguments of its last call."""
        self.page.wait_for_function("name => calls.some(each => each[0] === name)", arg=name)
        return self.calls(name)[-1]
