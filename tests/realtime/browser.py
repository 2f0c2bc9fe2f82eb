"""A page in a real browser, where one is installed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@contextmanager
def browser_page(**options: Any) -> Iterator[Any]:
    """A page of headless Chromium; the test skips if it or Playwright is missing."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as library:
        browser = library.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser.new_page(**options)
        finally:
            browser.close()
