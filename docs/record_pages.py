"""Draws the pages of the last `make demo` as docs/page.png and docs/review.png: a part of `make record`."""

import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from PIL import Image
from playwright.sync_api import FloatRect, Page, sync_playwright

from demo.running_service import free_port, running

DEMO, PICTURES = Path("var", "demo"), Path("docs")
CUSTOMER = {"tenure_months": 14, "monthly_charges": 62, "total_charges": 868, "support_tickets": 3, "contract_type": 0}
"""The customer on the demo page; README says the chance of leaving."""
VARIED = "Support tickets"
SIZE = (1280, 1340)
"""Width, and the most that a picture is high."""
_LAST_END = """most => {
  const boxes = [...document.querySelectorAll("li, p, tr, h2, h3, label, svg, button, textarea")]
    .map(one => one.getBoundingClientRect()).filter(box => box.height > 0);
  const ends = boxes.map(box => Math.ceil(box.bottom) + 2).filter(end => end <= most);
  return Math.max(...ends.filter(end => boxes.every(box => box.bottom <= end || box.top >= end - 4)));
}"""
"""Finds where a page can be cut without cutting an element."""
_FLAGS = ["--no-sandbox", "--disable-background-networking"]
_START_SECONDS, _SETTLE_MILLISECONDS, _COLOURS = 60, 2_000, 128


def main() -> None:
    """Draw both pictures; the demo must have run."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("Chromium is needed for the pictures of the pages. Install it, such as Debian's chromium.")
    width, height = SIZE
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        page = browser.new_page(viewport={"width": width, "height": height})
        with running(DEMO / "models", DEMO / "page.log", SERVICE_LOG_URL="") as service:
            _fill(page, service.url)
            _save(page, PICTURES / "page.png", height)
        with _dashboard() as address:
            page.goto(address)
            page.locator("li.card", has_text="drift job").get_by_role("link", name="Look and decide").first.click()
            _save(page, PICTURES / "review.png", page.evaluate(_LAST_END, height))
        browser.close()


def _fill(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("#reasons li").first.wait_for()
    for name, value in CUSTOMER.items():
        control = page.locator(f"#feature-{name}")
        if control.evaluate("one => one.tagName") == "SELECT":
            control.select_option(str(value))
        else:
            control.fill(str(value))
    page.locator("#curve-feature").select_option(label=VARIED)


def _save(page: Page, path: Path, height: int) -> None:
    page.wait_for_timeout(_SETTLE_MILLISECONDS)
    part: FloatRect = {"x": 0, "y": 0, "width": SIZE[0], "height": height}
    with Image.open(io.BytesIO(page.screenshot(clip=part))) as picture:
        fewer = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        fewer.save(path, optimize=True)


@contextmanager
def _dashboard() -> Iterator[str]:
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "monitoring", "dashboard", "--port", str(port), "--output-dir", str(DEMO)]
    with (DEMO / "dashboard.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _wait_for(address)
            yield address
        finally:
            process.terminate()


def _wait_for(address: str) -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urlopen(address, timeout=5):  # noqa: S310  # our own
                return
        except (URLError, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    os.environ["DO_NOT_TRACK"] = "true"
    main()
