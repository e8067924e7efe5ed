"""Writes foreign text to a terminal so that it cannot act on it; scripts run without the packages of the project."""

import logging
import sys


def printable(text: str) -> str:
    """Escape all characters that are not printable, except line ends."""
    return "".join(one if one.isprintable() or one == "\n" else one.encode("unicode_escape").decode() for one in text)


def last_line(output: str) -> str:
    """Return the last line of a program's output that is not blank."""
    lines = [line.strip() for line in output.replace("\r", "\n").split("\n") if line.strip()]
    return printable(lines[-1]) if lines else "it printed no error"


def write(text: str) -> None:
    """Write to stdout."""
    sys.stdout.write(printable(text))


class Formatter(logging.Formatter):
    """Formats log lines for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return printable(super().format(record))
