"""The card fits a telephone: nothing is wider than the screen, tables scroll by themselves, figures are large."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from models.bundles import bundle
from models.features import CONTRACT
from training.card import html_page, model_card

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TABLES = "tables => tables.map(table => [table.scrollWidth, table.clientWidth])"
FIGURES = "figures => figures.map(figure => figure.clientWidth)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@pytest.mark.parametrize("width", [320, 390])
def test_the_card_of_a_long_file_name_fits_a_phone(browser: Browser, root: Path, tmp_path: Path, width: int) -> None:
    served = bundle.load(root / "models", contract=CONTRACT)
    long = served.manifest.data.model_copy(update={"source": f"{'customers_of_the_spring_' * 5}.csv"})
    text = model_card.write(served.manifest.model_copy(update={"data": long}))
    (tmp_path / "card.html").write_text(html_page.write(text, served.directory), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 844})
    page.goto((tmp_path / "card.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    tables = page.locator("table").evaluate_all(TABLES)
    assert any(content > shown for content, shown in tables)
    assert all(shown <= width for _, shown in tables)
    assert min(page.locator("img").evaluate_all(FIGURES)) > 0.8 * width
    page.close()
