"""Records `make demo` as an animated picture, docs/demo.svg: `make record`.

The demo runs on a terminal of its own, and the picture shows what was on its screen, in a time-lapse.
"""

import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

COMMAND = ("make", "--no-print-directory", "demo")
PICTURE = Path("docs", "demo.svg")
COLUMNS, ROWS = 100, 40
PLAYED_SECONDS, STILL_SECONDS = 15, 5
"""Length of the time-lapse, and how long its last screen stays."""
_CHARACTER, _LINE, _MARGIN = 8.4, 19, 20
_KEPT_SPACE = "\N{NO-BREAK SPACE}"
"""Stands for each space, because an SVG draws several spaces as one."""
_CONTROL = re.compile(r"(\r\n|\n|\r|\x1b\[K)")

Piece = tuple[float, str]
"""Seconds since the begin, and what was written then."""


@dataclass
class Shown:
    """A text in a row of the screen, and from when to when it was there; to the end without `until`."""

    row: int
    text: str
    since: float
    until: float | None = None


def record(command: Sequence[str]) -> Iterator[Piece]:
    """Run a command on a terminal, and yield what it writes.

    Raises:
        CalledProcessError: the command failed.
    """
    ours, theirs = pty.openpty()
    begun = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        while piece := _read(ours):
            yield time.monotonic() - begun, piece.decode()
    os.close(ours)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux ends a terminal with an error
        return b""


def follow(pieces: Iterable[Piece], first_row: int = 0) -> list[Shown]:
    """Find out what was to be seen in each row, and when.

    It understands line ends, the return to the begin of a line, and the removal of a line.
    """
    shown, row, text = list[Shown](), first_row, ""

    def put(at: float) -> None:
        last = next((one for one in reversed(shown) if one.row == row and one.until is None), None)
        if last and last.text != text:
            last.until = at
        if text and (last is None or last.text != text):
            shown.append(Shown(row, text, at))

    for at, piece in pieces:
        for part in _CONTROL.split(piece):
            if part in ("\r\n", "\n"):
                put(at)
                row, text = row + 1, ""
            elif part.startswith(("\r", "\x1b")):
                text = ""
            else:
                text += part
        put(at)
    return [one for one in shown if one.until is None or one.until > one.since]


def draw(shown: Sequence[Shown], *, title: str) -> str:
    """Draw the rows as an SVG whose texts come and go. Without animations it is the last screen."""
    end, rows = max(one.until or one.since for one in shown), 1 + max(one.row for one in shown)
    width, height = round(COLUMNS * _CHARACTER + 2 * _MARGIN), rows * _LINE + 2 * _MARGIN
    length = PLAYED_SECONDS + STILL_SECONDS

    def share(at: float) -> str:
        return f"{100 * at / end * PLAYED_SECONDS / length:.2f}%"

    texts, frames = [], []
    for number, one in enumerate(shown):
        gone = "" if one.until is None else f"{share(one.until)}{{opacity:0}}"
        frames.append(f"@keyframes k{number}{{0%{{opacity:0}}{share(one.since)}{{opacity:1}}{gone}}}")
        kind = "gone" if one.until else "heading" if one.text[0] != " " else "line"
        words = (
            f'x="{_MARGIN}" y="{_MARGIN + one.row * _LINE + 14}" textLength="{len(one.text) * _CHARACTER:.1f}" '
            f'class="{kind}" style="animation-name:k{number}"'
        )
        texts.append(f"<text {words}>{escape(one.text.replace(' ', _KEPT_SPACE))}</text>")
    last = "\n".join(one.text for one in shown if one.until is None)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title desc">
<title id="title">{escape(title)}</title>
<desc id="desc">{escape(last)}</desc>
<style>
rect{{fill:#fbfbfc;stroke:#d0d7de}}
text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1f2328;
animation:{length}s step-end infinite}}
.heading{{font-weight:600;fill:#0550ae}}
.gone{{fill:#59636e;opacity:0}}
@media (prefers-color-scheme: dark){{
rect{{fill:#0d1117;stroke:#3d444d}}text{{fill:#e6edf3}}.heading{{fill:#79c0ff}}.gone{{fill:#9198a1}}}}
@media (prefers-reduced-motion: reduce){{text{{animation:none}}}}
{"".join(frames)}
</style>
<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>
{chr(10).join(texts)}
</svg>
"""


def main() -> int:
    """Record the demo, and write the picture."""
    os.environ.update(COLUMNS=str(COLUMNS), LINES=str(ROWS))
    shown = [Shown(0, "$ make demo", 0), *follow(record(COMMAND), first_row=1)]
    PICTURE.write_text(draw(shown, title="make demo on a terminal, in a time-lapse"), encoding="utf-8")
    sys.stdout.write(f"{PICTURE}: {len(shown)} texts, {PICTURE.stat().st_size / 1000:.0f} kB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
