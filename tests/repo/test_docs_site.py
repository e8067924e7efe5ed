"""`make docs` builds a site that needs no other host, can be searched, and has no broken link."""

import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, sync_playwright

from tests import checkout
from tests.checkout import Clone

LOADED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}
"""The elements that make a browser load something, each with the attribute that says what."""
IN_STYLES = re.compile(r"(?:url\(|@import)\s*['\"]?([^'\")]+)")
TELEPHONE: ViewportSize = {"width": 390, "height": 844}


class Loads(HTMLParser):
    """Collects what a page makes a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if value and name == LOADED.get(tag)]


@pytest.fixture(scope="module")
def clone(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    clone = Clone(tmp_path_factory.mktemp("site") / "clone")
    checkout.copy(root, clone.folder)
    return clone


@pytest.fixture(scope="module")
def site(clone: Clone) -> Path:
    built = clone.make("docs")
    assert built.returncode == 0, built.stdout + built.stderr
    return shutil.copytree(clone.folder / "var" / "site", clone.folder.parent / "site")


def is_elsewhere(address: str) -> bool:
    return address.startswith(("http:", "https:", "//"))


def test_every_page_is_in_the_site(site: Path, files: list[Path]) -> None:
    written = [path for path in files if path.suffix == ".md" and path.parts[0] in ("docs", path.name)]
    assert len(written) > 50
    assert [path for path in written if not (site / path).with_suffix(".html").is_file()] == []
    assert 'url=README.html"' in (site / "index.html").read_text()


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    pages = {path: Loads() for path in site.rglob("*.html")}
    for path, page in pages.items():
        page.feed(path.read_text())
    assert sum(len(page.addresses) for page in pages.values()) > 500
    assert [(path, found) for path, page in pages.items() for found in page.addresses if is_elsewhere(found)] == []
    styles = {path: IN_STYLES.findall(path.read_text()) for path in site.rglob("*.css")}
    assert styles
    assert [(path, found) for path, addresses in styles.items() for found in addresses if is_elsewhere(found)] == []


def test_the_search_finds_a_word_and_its_page(site: Path) -> None:
    index = json.loads((site / "searchindex.js").read_text().removeprefix("Search.setIndex(").removesuffix(")"))
    found = index["terms"]["spool"]
    assert "docs/operate" in {index["docnames"][number] for number in found}


@pytest.mark.usefixtures("site")  # so that only the page that changed is read again
@pytest.mark.parametrize(
    "link",
    ["[page](docs/nowhere.md)", "[section](docs/serve.md#nowhere)", "[here](#nowhere)", "![picture](docs/nowhere.png)"],
)
def test_a_broken_link_or_anchor_fails_the_build(link: str, clone: Clone) -> None:
    page = clone.folder / "README.md"
    whole = page.read_text()
    try:
        page.write_text(f"{whole}\n{link}\n")
        built = clone.make("docs")
    finally:
        page.write_text(whole)
    assert built.returncode == 2
    assert "README.md" in built.stderr
    assert "nowhere" in built.stderr


def test_where_github_builds_it_links_to_the_source_lead_there(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "ann/telco")
    monkeypatch.setenv("GITHUB_SHA", "c0ffee")
    shutil.rmtree(clone.folder / "var")  # what was read before is not read again
    built = clone.make("docs")
    assert built.returncode == 0, built.stdout + built.stderr
    site = clone.folder / "var" / "site"
    assert 'href="https://github.com/ann/telco/blob/c0ffee/models/features.py"' in (site / "README.html").read_text()
    folder = 'href="https://github.com/ann/telco/tree/c0ffee/deploy/kubernetes/base"'
    assert folder in (site / "docs" / "kubernetes.html").read_text()


@pytest.mark.browser
@pytest.mark.slow
def test_a_person_searches_and_reads_it_on_a_telephone(site: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page(viewport=TELEPHONE)
        page.goto((site / "search.html").as_uri() + "?q=spool")
        page.locator("#search-results a", has_text="Operate the service").first.click()
        assert page.url.startswith((site / "docs" / "operate.html").as_uri())
        widths = dict(_widths(page, site))
        browser.close()
    assert {path: width for path, width in widths.items() if width > TELEPHONE["width"]} == {}


def _widths(page: Page, site: Path) -> Iterator[tuple[str, int]]:
    """Measure how wide each page is, in pixels."""
    for path in sorted(site.rglob("*.html")):
        if path.name != "index.html":  # which leads on at once
            page.goto(path.as_uri())
            yield path.relative_to(site).as_posix(), page.evaluate("document.documentElement.scrollWidth")
