"""Renders the model card as one HTML page with embedded figures."""

import base64
import re
from pathlib import Path

from markdown_it import MarkdownIt

_PICTURE = re.compile(r'src="([^"]+\.png)"')
_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, sans-serif; color: #1f2933; background: #fff; max-width: 54rem; margin: 2.5rem auto;
  padding: 0 1.2rem; overflow-wrap: anywhere; }
h1 { font-size: 1.9rem; margin-bottom: .2rem; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .6rem; padding-top: 1rem; border-top: 1px solid #d9dee3; }
table { border-collapse: collapse; font-size: .9rem; display: block; overflow-x: auto; margin: 1rem 0; }
th, td { padding: .28rem .9rem .28rem 0; text-align: left; border-bottom: 1px solid #e8ecef; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
th { color: #52606d; font-weight: 600; }
img { max-width: 100%; }
img:not(:only-child) { max-width: 49%; }
@media (max-width: 40rem) {
  body { margin: 1.2rem auto; }
  img:not(:only-child) { max-width: 100%; }
}
code { font-size: .9em; background: #f2f4f6; padding: .1em .3em; border-radius: 3px; }
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}</body>
</html>
"""


def write(markdown: str, folder: Path) -> str:
    """Render a card as HTML; `folder` holds the figures that it names."""

    def inside(picture: re.Match[str]) -> str:
        data = base64.b64encode((folder / picture[1]).read_bytes()).decode()
        return f'src="data:image/png;base64,{data}"'

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    title = markdown.partition("\n")[0].removeprefix("# ")
    return _PAGE.format(title=title, style=_STYLE, body=_PICTURE.sub(inside, body))
