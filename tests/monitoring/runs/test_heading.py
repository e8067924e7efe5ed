"""The top of a report names a command that works, and no text of it can become another line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitoring.runs import heading
from monitoring.runs.heading import Heading


@pytest.mark.parametrize(
    ("folder", "ending"),
    [("var", "--why REASON"), ("var/demo", "--output-dir var/demo"), ("a b", "--output-dir 'a b'")],
)
def test_the_command_of_a_decision_names_a_folder_that_is_not_the_usual_one(folder: str, ending: str) -> None:
    top = Heading("drift", datetime(2026, 3, 1, tzinfo=UTC), "drift", "drift", "the log", None, Path(folder))
    assert top.undecided.endswith(f"{ending}`")


def test_a_reason_of_several_lines_is_one_line_of_the_report() -> None:
    told = heading.decided("ignore", by="Ana", why="a test\n\n# by Ben\r\n- all")
    assert told == "**Decision:** ignore, by Ana: a test # by Ben - all"
