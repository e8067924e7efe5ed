"""The animated picture of the demo: what a terminal showed, and when."""

import re
import runpy
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import sync_playwright

from models.bundles import bundle, pins
from models.bundles.scorer import Scorer
from models.features import CONTRACT
from tests import svg

SEEN = """() => [...document.querySelectorAll("text")].filter(text => getComputedStyle(text).opacity == 1)
  .map(text => text.textContent.replaceAll("\\u00a0", " "))"""
SEEN_AT = f"""at => {{
  for (const one of document.getAnimations()) {{ one.pause(); one.currentTime = at; }}
  return ({SEEN})();
}}"""
CONTRAST = """() => {
  const luminance = fill => fill.match(/[0-9.]+/g).slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0.05);
  const ground = luminance(getComputedStyle(document.querySelector("rect")).fill);
  return [...document.querySelectorAll("text")].map(text => luminance(getComputedStyle(text).fill))
    .map(ink => Math.max(ink, ground) / Math.min(ink, ground));
}"""


@pytest.fixture(scope="module")
def script(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / "docs" / "record_demo.py"))


def test_a_row_shows_one_text_after_the_other_and_the_last_one_stays(script: dict[str, Any]) -> None:
    pieces = [(0.0, "1 of 2\r\n"), (1.0, "\r\x1b[K  ... fit"), (2.0, "\r\x1b[K  ... fit, 1 s"), (3.0, "\r\x1b[K")]
    shown = script["follow"]([*pieces, (3.5, "  model a\r\n\r\n2 of 2\r\n")], first_row=1)
    assert [(one.row, one.text, one.since, one.until) for one in shown] == [
        (1, "1 of 2", 0.0, None),
        (2, "  ... fit", 1.0, 2.0),
        (2, "  ... fit, 1 s", 2.0, 3.0),
        (2, "  model a", 3.5, None),
        (4, "2 of 2", 3.5, None),
    ]


def test_a_program_is_recorded_as_on_a_terminal(script: dict[str, Any]) -> None:
    program = "import sys; print(sys.stderr.isatty()); print('to stderr', file=sys.stderr)"
    shown = script["follow"](script["record"]([sys.executable, "-c", program]))
    assert [one.text for one in shown] == ["True", "to stderr"]
    with pytest.raises(script["subprocess"].CalledProcessError):
        list(script["record"]([sys.executable, "-c", "raise SystemExit(1)"]))


def test_texts_come_and_go_at_their_share_of_the_picture_and_the_last_screen_is_described(
    script: dict[str, Any],
) -> None:
    shown = [script["Shown"](0, "$ a <b>", 0.0), script["Shown"](1, "  ...", 5.0, 10.0)]
    drawn = script["draw"](shown, title="a & b")
    picture = ET.fromstring(drawn)  # noqa: S314  # our own
    assert svg.last_screen(picture) == ["$ a <b>"]
    assert (svg.text_of(picture, "title"), svg.text_of(picture, "desc")) == ("a & b", "$ a <b>")
    assert "@keyframes k1{0%{opacity:0}37.50%{opacity:1}75.00%{opacity:0}}" in drawn  # 15 of 20 seconds are played


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_plays_it_and_shows_the_last_screen_where_motion_is_unwelcome(
    root: Path, scheme: Literal["light", "dark"]
) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    lines = svg.last_screen(ET.parse(root / "docs" / "demo.svg").getroot())  # noqa: S314  # our own
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page(color_scheme=scheme)
        page.goto((root / "docs" / "demo.svg").as_uri())
        seen = {seconds: page.evaluate(SEEN_AT, 1_000 * seconds) for seconds in (0.01, 19.9)}
        page.emulate_media(reduced_motion="reduce")
        still = page.evaluate(SEEN)
        contrast = page.evaluate(CONTRAST)
        browser.close()
    assert seen[0.01] == ["$ make demo"]
    assert seen[19.9] == still == lines
    assert min(contrast) > 4.5  # as WCAG asks for text


@pytest.mark.shipped_model
def test_the_demo_was_recorded_with_the_pinned_model(root: Path) -> None:
    shown = set(re.findall(r"\d{8}-[0-9a-f]{32}", (root / "docs" / "demo.svg").read_text()))
    assert shown == {pins.read(root / "models").version}, "`make record` draws it anew"


@pytest.mark.shipped_model
def test_the_picture_of_the_page_says_what_the_pinned_model_says(root: Path) -> None:
    customer = runpy.run_path(str(root / "docs" / "record_pages.py"))["CUSTOMER"]
    scorer = Scorer.of(bundle.load(root / "models", contract=CONTRACT))
    [probability] = scorer.score(CONTRACT.to_matrix({name: [value] for name, value in customer.items()}))
    said = re.search(r"a chance of leaving of (\d+) %", (root / "README.md").read_text())
    assert said is not None
    assert int(said[1]) == round(100 * float(probability)), "`make record` draws it anew; then correct README's words"
