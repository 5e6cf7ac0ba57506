"""A browser for all tests of the page, servers and windows for each."""

from contextlib import ExitStack

import pytest


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    from studio_browser import CHROMIUM

    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def serve():
    """Serves a studio as `served` does, until the test ends; its address."""
    from studio_browser import served

    with ExitStack() as servers:
        yield lambda *given, **named: servers.enter_context(served(*given, **named))


@pytest.fixture
def visit(browser, serve):
    """Opens an address in a window of its own; the page must have no fault in the end."""
    from studio_browser import Person

    people = []

    def visit(address, **window):
        people.append(Person(browser, address, **window))
        return people[-1]

    yield visit
    for person in people:
        person.page.context.close()
        assert not person.faults


@pytest.fixture
def truth(tmp_path):
    from studio_client import write_frames

    return write_frames(tmp_path / "frames")
