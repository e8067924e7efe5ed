"""The column customer_digest of predictions, by which a customer counts once.

It repeats the declaration of `models.log.log_tables` at that time, because a migration must never change.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"
branch_labels = depends_on = None


def upgrade() -> None:
    """Apply this migration; predictions from before have no digest."""
    op.add_column("predictions", sa.Column("customer_digest", sa.String(32)))
