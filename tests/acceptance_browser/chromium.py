"""Debian's chromium, and what every test in it needs."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE, DESK = (390, 844), (1280, 900)
# A directory for a screenshot of each page, for visual review.
PICTURES = os.environ.get("TEST_PICTURES")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run chromium; skip the test without it."""
    if not Path(CHROMIUM).exists():
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


def picture(page: Page, name: str) -> None:
    """Save a screenshot, if there is a directory for it."""
    if PICTURES:
        file = re.sub(r"\W+", "-", name)
        page.screenshot(path=Path(PICTURES) / f"{file}.png", full_page=True)


def fits(page: Page) -> bool:
    """Return whether the page fits without horizontal scrolling."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))
