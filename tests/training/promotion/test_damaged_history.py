"""A rollback works although the history or the pin is damaged, and says what it left out."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from models.bundles import pin_history
from tests.stores import Shelf

FOREIGN = "line\u2028sep\x85next\x1cfile\x00nul\r\n\x1b[31mred\u202e"


def test_a_reason_of_any_characters_leaves_the_history_readable(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.good)
    shelf.serve(shelf.bad)
    assert shelf.run("rollback", "--why", FOREIGN) == 0
    assert pin_history.read(shelf.models_dir).changes[-1].why == FOREIGN
    assert (shelf.models_dir / "history.jsonl").read_bytes().isascii()
    assert shelf.run("challenge", shelf.bad, "--why", FOREIGN) == 0
    assert shelf.run("challenge", "--stop") == 0
    capsys.readouterr()
    assert shelf.run("history") == 0
    told = capsys.readouterr().out
    assert told.replace("\n", "").isprintable()
    assert r"line\u2028sep\x85next\x1cfile\x00nul\r\n\x1b[31mred\u202e" in told


DAMAGED = {
    "torn": b'{"version":"20260301-1a2b3c4d","dig',
    "nul": b"\0\0\0\0\n",
    "newer": b'{"version":"20260301-1a2b","digest":"%s","at":"2026-03-01T00:00:00Z","change":"merge","why":""}\n'
    % (b"0" * 64),
    "not text": b"\xff\xfe\n",
    "deep": b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_line_is_left_out_kept_and_told_and_the_rollback_goes_on(
    shelf: Shelf, damage: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.good)
    shelf.serve(shelf.bad)
    history = shelf.models_dir / "history.jsonl"
    before = history.read_bytes() + DAMAGED[damage]
    history.write_bytes(before)
    assert shelf.run("rollback") == 0
    assert shelf.serving == shelf.good
    assert history.read_bytes().startswith(before)
    assert "left out of the history of the pin" in caplog.text
    assert shelf.run("history") == 0
    assert "left out: " in capsys.readouterr().out


BROKEN: dict[str, Callable[[Path], object]] = {
    "folder": lambda history: history.mkdir(),
    "pipe": os.mkfifo,
    "all damaged": lambda history: history.write_text("{}\n"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_without_any_history_a_rollback_to_a_version_works(
    shelf: Shelf, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.serve(shelf.bad)
    history = shelf.models_dir / "history.jsonl"
    history.unlink()
    BROKEN[kind](history)
    assert shelf.run("rollback") == 2
    assert "no earlier champion" in caplog.text
    assert shelf.run("rollback", shelf.good) == 0
    assert shelf.serving == shelf.good
    assert pin_history.read(shelf.models_dir).changes[-1].version == shelf.good


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff"])
def test_a_damaged_pin_does_not_stop_a_rollback_to_a_version(shelf: Shelf, content: bytes) -> None:
    (shelf.models_dir / "pinned.json").write_bytes(content)
    assert shelf.run("rollback") == 2
    assert shelf.run("rollback", shelf.good) == 0
    assert shelf.serving == shelf.good
