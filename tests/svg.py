"""Reads pictures of the pages."""

from xml.etree.ElementTree import Element

NAMESPACE = "{http://www.w3.org/2000/svg}"


def text_of(picture: Element, tag: str) -> str:
    """Return the text of the first such element; empty without one."""
    return picture.findtext(f".//{NAMESPACE}{tag}", "")


def last_screen(picture: Element) -> list[str]:
    """Return the lines that stay in a recording."""
    texts = picture.iterfind(f".//{NAMESPACE}text")
    return [(one.text or "").replace("\N{NO-BREAK SPACE}", " ") for one in texts if one.get("class") != "gone"]
