"""How soon a browser that was just started shows the QR code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

# Runs before the page's own scripts. The frame after the one that finds the code laid out is
# the first in which it can have been painted.
_WATCH = """
(() => {
  const look = () => {
    const code = document.querySelector(".qr svg");
    if (code && code.getBoundingClientRect().width > 0) {
      requestAnimationFrame(() => { window.benchQrSeenAt = performance.now(); });
      return;
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
_ARGUMENTS = ["--disable-dev-shm-usage", "--no-sandbox"]
_SELDOM_MS = 20


def find_browser() -> str | None:
    """The program named by CHECKOUT_BROWSER, "" for Playwright's own, None for none."""
    given = os.environ.get("CHECKOUT_BROWSER")
    if given:
        return given if Path(given).exists() else None
    with sync_playwright() as playwright:
        return "" if Path(playwright.chromium.executable_path).exists() else None


def see_qr(program: str, urls: Sequence[str]) -> list[float]:
    """Milliseconds from the start of the navigation, for each URL in a browser of its own."""
    with sync_playwright() as playwright:
        return [_see_one(playwright, program, url) for url in urls]


def _see_one(playwright: Playwright, program: str, url: str) -> float:
    browser = playwright.chromium.launch(executable_path=program or None, args=_ARGUMENTS)
    try:
        page = browser.new_page()
        page.add_init_script(_WATCH)
        page.goto(url)
        for _ in range(500):
            seen_at = page.evaluate("window.benchQrSeenAt ?? null")
            if seen_at is not None:
                return float(seen_at)
            page.wait_for_timeout(_SELDOM_MS)
        raise RuntimeError(f"{url} shows no QR code")
    finally:
        browser.close()
