"""A real browser for the tests of pages."""

import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

AXE = "axe-core@4.11.0"
PATIENCE_MILLISECONDS = 120_000
"""Time for a page on a machine that runs other tests, too."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-background-networking", "--disable-quic"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        browser.new_page = partial(_open_page, browser.new_page)  # type: ignore[method-assign]
        yield browser
        browser.close()


def _open_page(opener: Callable[..., Page], **options: Any) -> Page:
    page = opener(**options)
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    return page


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which any request to another host fails the test."""
    page = browser.new_page()
    foreign: list[str] = []
    page.on("request", lambda sent: None if is_local(sent.url) else foreign.append(sent.url))
    yield page
    page.close()
    assert foreign == []


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, from npm."""
    folder, npm = tmp_path_factory.mktemp("axe"), shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    packed = subprocess.run([npm, "pack", AXE, "--silent"], cwd=folder, capture_output=True, text=True, check=False)
    if packed.returncode:
        pytest.skip(f"npm cannot fetch {AXE}")
    with tarfile.open(folder / packed.stdout.strip()) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "file:", "data:", "blob:"))
