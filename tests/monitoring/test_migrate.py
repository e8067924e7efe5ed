"""The prediction log is brought up to this version, and left alone where it is beyond it."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from models.log import log_tables, migrations
from models.log.errors import LogTooNew
from monitoring.__main__ import main


@pytest.fixture
def newer(tmp_path: Path) -> str:
    """The address of a log that a newer version has changed."""
    url = f"sqlite:///{tmp_path / 'log.db'}"
    engine = log_tables.connect(url, create=True)
    assert migrations.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'later'"))
    engine.dispose()
    return url


def test_a_log_of_a_newer_version_is_refused_with_the_remedy(newer: str) -> None:
    engine = log_tables.connect(newer)
    with pytest.raises(LogTooNew, match=r"log\.db: a newer version .* Start that version, or name another log\.$"):
        migrations.upgrade(engine)
    engine.dispose()


def test_the_program_says_so_in_a_sentence(newer: str, caplog: pytest.LogCaptureFixture) -> None:
    assert main(["migrate", "--log-url", newer]) == 2
    assert [record.exc_info for record in caplog.records] == [None]
    assert caplog.messages[0].startswith(f"{newer}: a newer version of this project")
