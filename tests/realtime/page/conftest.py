"""A browser for the page's own tests, and what they wait with."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.realtime.acted import Acted
from tests.realtime.browser import browser_page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browser_page() as first:
        yield first.context.browser


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A fresh page; whatever it throws fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    thrown: list[str] = []
    opened.on("pageerror", lambda error: thrown.append(str(error)))
    yield opened
    context.close()
    assert thrown == []


@pytest.fixture
def acted(page: Any) -> Acted:
    """A live session that is acted."""
    return Acted(page)
