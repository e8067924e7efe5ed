"""Evidently's web app is served with our title, our styles and straight lines, and all else as it is."""

import asyncio
from pathlib import Path

import pytest

from monitoring.runs.web_files import NARROW, Corrected, Message

CURVES = 'function f(t){switch(t){case"linear":return I;case"monotoneX":return m;case"step":return s;default:return m}}'


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    files = {
        "index.html": "<head><title>Demo</title></head>",
        "static/js/lines.js": CURVES,
        "static/js/other.js": 'case"linear":return I;default:return m',
        "static/css/all.css": "p { color: red }",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


async def evidently(_: Message, receive: object, send: object) -> None:
    """Answer nothing, so that what is passed on has no body."""


def fetch(assets: Path, path: str, method: str = "GET") -> bytes | None:
    """Return the body that is answered; None if the request was passed on."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    app = Corrected(evidently, assets, title="Churn & more")
    asyncio.run(app({"type": "http", "method": method, "path": path}, receive, send))
    return b"".join(message.get("body", b"") for message in sent) if sent else None


def test_limits_are_red(assets: Path) -> None:
    line = '{label:A,stack:r?"total":void 0,labelMarkType:"square"}'
    red = '{label:A,stack:r?"total":void 0,labelMarkType:"square",...(A==="limit"?{color:"#d32f2f"}:{})}'
    script = assets / "static" / "js" / "lines.js"
    script.write_text(f"{CURVES};m={line}")
    found = fetch(assets, "/static/js/lines.js")
    assert found is not None
    assert found.endswith(f";m={red}".encode())


def test_lines_are_straight_by_default(assets: Path) -> None:
    straight = CURVES.replace("default:return m", "default:return I")
    assert fetch(assets, "/static/js/lines.js") == straight.encode()


@pytest.mark.parametrize("path", ["/", "/projects/1/reports"])
def test_the_title_is_ours_on_every_page(assets: Path, path: str) -> None:
    assert fetch(assets, path) == b"<head><title>Churn &amp; more</title></head>"


def test_the_styles_are_added(assets: Path) -> None:
    assert fetch(assets, "/static/css/all.css") == f"p {{ color: red }}{NARROW}".encode()


@pytest.mark.parametrize("path", ["/static/js/other.js", "/api/projects", "/static/js/../../index.html", "/nothing"])
def test_all_else_is_passed_on(assets: Path, path: str) -> None:
    assert fetch(assets, path) is None


def test_what_is_not_a_get_is_passed_on(assets: Path) -> None:
    assert fetch(assets, "/", "DELETE") is None
