"""Makes foreign text safe to show: on a terminal, in a log line, and in one line of a file.

`str.splitlines` also ends a line at U+2028, U+0085, U+001C and others, where other programs do not. It is not used.
"""

import logging

LONGEST = 500
"""Most characters of a foreign text in an error."""


def printable(text: str) -> str:
    r"""Escape what a terminal may act on, such as escape sequences and changes of direction; line ends stay.

    >>> printable("red \x1b[31m text\nline 2")
    'red \\x1b[31m text\nline 2'
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else _escape(one) for one in text)


def one_line(text: str) -> str:
    r"""Escape the same characters and line ends.

    >>> one_line("line 1\nline 2")
    'line 1\\nline 2'
    """
    return printable(text).replace("\n", r"\n")


def first_line(error: object) -> str:
    r"""Return the first line of an error's text that is not blank, safe to show; the name of its class if it has none.

    >>> first_line(ValueError("disk full\n[SQL: SELECT 1]")), first_line(KeyError())
    ('disk full', 'KeyError')
    """
    lines = str(error).replace("\r", "\n").split("\n")
    found = next((line.strip() for line in lines if line.strip()), type(error).__name__)
    return one_line(found if len(found) <= LONGEST else f"{found[:LONGEST]}...")


class PrintableFormatter(logging.Formatter):
    """Formats log lines for a terminal; foreign text in them cannot act on it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or several with a traceback."""
        return printable(super().format(record))


def log_to_terminal(level: int = logging.INFO, *, form: str = "%(asctime)s %(levelname)s %(message)s") -> None:
    """Send the log to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(PrintableFormatter(form, datefmt="%H:%M:%S"))
    logging.basicConfig(level=level, handlers=[handler])


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
