"""Creates the prediction log's tables, or upgrades them to `models.log.log_tables`, with Alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine

from models.log.errors import LogTooNew

_FOLDER = Path(__file__).parent


def upgrade(engine: Engine) -> bool:
    """Create or upgrade the tables, all or nothing; return whether anything was changed.

    Safe to call from several processes at a time. If nothing is to be changed, the right to change tables is not
    needed.

    Raises:
        SQLAlchemyError: the database cannot be reached, or rejects a statement.
        LogTooNew: the database was changed by a newer version of this project.
        LogBusy: another process has been changing the tables for a minute.
    """
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    [newest] = ScriptDirectory.from_config(config).get_heads()
    with engine.connect() as connection:
        if MigrationContext.configure(connection).get_current_revision() == newest:
            return False
    config.attributes["engine"] = engine
    try:
        command.upgrade(config, "head")
    except CommandError as error:  # Alembic does not know the revision
        raise LogTooNew(url=engine.url.render_as_string(hide_password=True)) from error
    return True
