"""The column reported_by of outcomes, as a part of the primary key: each reporter has an outcome of its own.

It repeats the declaration of `models.log.log_tables` at that time, because a migration must never change.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"
branch_labels = depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_KEY = ["prediction_id", "reported_by"]


def upgrade() -> None:
    """Apply this migration; outcomes from before have the reporter `unknown`."""
    if op.get_context().dialect.name == "postgresql":  # keeps the rights to the table
        op.add_column("outcomes", _reported_by())
        op.drop_constraint("outcomes_pkey", "outcomes")
        op.create_primary_key("outcomes_pkey", "outcomes", _KEY)
        return
    op.create_table(  # SQLite cannot change a primary key
        "outcomes_0003",
        sa.Column("prediction_id", sa.String(32), sa.ForeignKey("predictions.prediction_id", ondelete="CASCADE")),
        _reported_by(),
        sa.Column("churned", sa.Boolean, nullable=False),
        sa.Column("observed_at", _MOMENT, nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint(*_KEY),
    )
    columns = "prediction_id, churned, observed_at, recorded_at"
    op.execute(f"INSERT INTO outcomes_0003 ({columns}) SELECT {columns} FROM outcomes")  # noqa: S608  # fixed names
    op.drop_table("outcomes")
    op.rename_table("outcomes_0003", "outcomes")


def _reported_by() -> sa.Column[str]:
    # The default is for instances of the version before, which may run until an upgrade is complete.
    return sa.Column("reported_by", sa.String(64), server_default="unknown", nullable=False)
