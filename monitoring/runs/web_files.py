"""The files of Evidently's web app, corrected: straight lines, red limits, our title, and a layout for phones.

Evidently 0.7 has no settings for these. A file that the corrections do not fit is served as it is.
"""

import html
import re
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_CURVE = re.compile(rb'(case"linear":return (\w+);(?:case"\w+":return \w+;)+default:return )\w+')
"""The choice of a line's curve; the default is a smooth curve, which shows values that nobody measured."""
_LABEL = re.compile(rb'(\{label:(\w+),stack:[^{}]*?,labelMarkType:"square")\}')
"""The label of a line. Evidently has six colors, and so gives the limit that of a column."""
_TITLE = re.compile(rb"<title>.*?</title>")
NARROW = """
.MuiGrid-root { min-width: 0; max-width: 100% }
:has(> .MuiTable-root) { overflow-x: auto }
p { overflow-wrap: anywhere }
@media (max-width: 800px) {
  .MuiStack-root { flex-wrap: wrap; max-width: 100% }
  .MuiCardContent-root > .MuiBox-root { height: auto !important }
  svg:has(.MuiChartsAxis-root) { min-height: 250px }
  .MuiTabs-root { max-width: 92vw }
  .MuiTabs-scroller { overflow-x: auto !important }
}
"""
"""Styles that keep reports and dashboard as wide as the screen, and scroll wide tables."""


class Corrected:
    """An ASGI app that serves the corrected files, and passes all other requests on."""

    def __init__(self, app: App, assets: Path, *, title: str) -> None:
        """Correct the files below `assets`, which `app` serves."""
        self._app = app
        scripts = {path: _correct(path.read_bytes()) for path in assets.glob("static/js/*.js")}
        styles = {path: path.read_bytes() + NARROW.encode() for path in assets.glob("static/css/*.css")}
        kinds = {".js": b"text/javascript", ".css": b"text/css"}
        self._files = {
            f"/{path.relative_to(assets).as_posix()}": (kinds[path.suffix], corrected)
            for path, corrected in (scripts | styles).items()
            if corrected is not None
        }
        named = b"<title>" + html.escape(title).encode() + b"</title>"
        self._index = b"text/html; charset=utf-8", _TITLE.sub(lambda _: named, (assets / "index.html").read_bytes())

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        found = self._find(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        kind, body = found
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-cache"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _find(self, path: str) -> tuple[bytes, bytes] | None:
        if path == "/" or path.startswith("/projects/"):
            return self._index
        return self._files.get(path)


def _correct(script: bytes) -> bytes | None:
    """Make straight lines the default curve, and lines that are named limit red; None if the script draws no lines."""
    straight, changes = _CURVE.subn(rb"\1\2", script)
    return _LABEL.sub(rb'\1,...(\2==="limit"?{color:"#d32f2f"}:{})}', straight) if changes else None
