"""The HTML card embeds its figures, fetches nothing, and shows texts from the data as text."""

import base64
from html.parser import HTMLParser
from pathlib import Path

import pytest

from models.bundles import bundle
from models.bundles.bundle import Bundle
from models.bundles.format.bundle_files import CARD
from models.bundles.manifest import Manifest
from models.bundles.segments import Segment
from models.features import CONTRACT
from training.card import html_page, model_card
from training.card.table_rows import table

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


class Page(HTMLParser):
    """What a browser would make of a page: its texts by the element that they are in, and what it would fetch."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {}
        self.elements: list[str] = []
        self.sources: list[str] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.sources += [value or "" for name, value in attrs if name in {"src", "srcset", "data", "background"}]
        if tag not in {"meta", "img", "br", "hr"}:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data


@pytest.fixture(scope="module")
def served(root: Path) -> Bundle:
    return bundle.load(root / "models", contract=CONTRACT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "roc.png").write_bytes(PNG)
    return tmp_path


def page_of(changes: dict[str, object], served: Bundle) -> Page:
    """The page of the served model's card, had its manifest said otherwise."""
    manifest: Manifest = served.manifest.model_copy(update=changes)
    return Page(html_page.write(model_card.write(manifest), served.directory))


def test_headings_tables_and_lists_are_rendered(folder: Path) -> None:
    markdown = (
        "# Churn\n\n## Data\n\n| name | unit |\n| --- | --- |\n| tenure | months |\n| bill | USD |\n\n- `one`\n- two"
    )
    page = Page(html_page.write(markdown, folder))
    assert (page.texts["title"], page.texts["h1"], page.texts["h2"]) == (["Churn"], ["Churn"], ["Data"])
    assert (page.texts["th"], page.texts["td"]) == (["name", "unit"], ["tenure", "months", "bill", "USD"])
    assert (page.texts["li"], page.texts["code"]) == (["one", "two"], ["one"])


def test_a_picture_is_inside_byte_for_byte(folder: Path) -> None:
    page = Page(html_page.write("# Card\n\n![ROC](figures/roc.png) and ![again](figures/roc.png)", folder))
    for source in page.sources:
        kind, data = source.split(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data) == PNG
    assert page.elements.count("img") == len(page.sources) == 2


def test_the_page_of_the_served_model_says_all_that_its_card_says(served: Bundle) -> None:
    text = served.read_text(CARD)
    page = Page(html_page.write(text, served.directory))
    headings = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert page.texts["title"] == page.texts["h1"] == ["Churn model"]
    assert page.texts["h2"] == headings
    assert page.elements.count("table") == sum(line.startswith("| ---") for line in text.splitlines()) >= 10
    assert page.elements.count("img") == text.count("![") >= 7
    assert "|" not in "".join(page.texts["body"])


def test_the_page_of_the_served_model_fetches_nothing(served: Bundle) -> None:
    html = html_page.write(served.read_text(CARD), served.directory)
    page = Page(html)
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.elements)
    for source in page.sources:
        html = html.replace(source, "")
    assert not [word for word in ("http", "//", "url(", "@import") if word in html.casefold()]


def test_a_page_says_how_its_bytes_are_to_be_read(folder: Path) -> None:
    html = html_page.write("# Über", folder)
    assert '<meta charset="utf-8">' in html
    assert Page(html).texts["h1"] == ["Über"]


def test_markup_in_the_name_of_a_source_stays_text(served: Bundle) -> None:
    name = "<script>alert(1)</script>.csv"
    page = page_of({"data": served.manifest.data.model_copy(update={"source": name})}, served)
    assert "script" not in page.elements
    assert name in page.texts["code"]


@pytest.mark.parametrize(
    "markup", ["<b>bold</b>", "<img src=http://example.com/a.gif>", "<style>p { display: none }</style>"]
)
def test_markup_in_a_text_is_not_obeyed(folder: Path, markup: str) -> None:
    page = Page(html_page.write(f"# Card\n\n{markup}", folder))
    assert not {"b", "img"} & set(page.elements)
    assert page.elements.count("style") == 1
    assert page.texts["body"][0].split("\n")[-2] == markup


def groups(served: Bundle, *values: str) -> dict[str, object]:
    """The served model's groups, with such values of a column among them."""
    figures = next(segment.figures for segment in served.manifest.slices if segment.figures)
    return {"slices": [Segment("region", value, 200, 60, figures) for value in values]}


def test_a_bar_in_a_value_of_the_data_keeps_its_table_whole(served: Bundle) -> None:
    cells = page_of(groups(served, "north|south", "west"), served).texts["td"]
    first = cells.index("200")  # customers of a group stand beside its name
    assert (cells[first - 1], cells[first + 6]) == ("region north|south", "region west")


@pytest.mark.parametrize("value", ["*north*", "`north`", "[north](south)", "R&amp;D", "<5 years", "a \\ b"])
def test_a_value_of_the_data_is_shown_as_it_is(served: Bundle, value: str) -> None:
    assert f"region {value}" in page_of(groups(served, value), served).texts["td"]


@pytest.mark.parametrize("suffix", ["gif", "png"])
def test_a_value_of_the_data_fetches_no_picture(served: Bundle, suffix: str) -> None:
    page = page_of(groups(served, f"![x](http://example.com/x.{suffix})"), served)
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)


def test_a_table_of_texts_is_a_table_of_the_same_texts(folder: Path) -> None:
    head, rows = ("group", "customers"), [("a", "1"), ("b c", "2,000")]
    page = Page(html_page.write("\n".join(["# Card", "", *table(head, rows)]), folder))
    assert page.texts["th"] == list(head)
    assert page.texts["td"] == [cell for row in rows for cell in row]
