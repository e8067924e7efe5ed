"""The table challenger_predictions: predictions of a shadow challenger.

It repeats the declaration of `models.log.log_tables` at that time, because a migration must never change.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"
branch_labels = depends_on = None


def upgrade() -> None:
    """Apply this migration."""
    op.create_table(
        "challenger_predictions",
        sa.Column("prediction_id", sa.String(32), sa.ForeignKey("predictions.prediction_id", ondelete="CASCADE")),
        sa.Column("model_version", sa.String(64), nullable=False),
        sa.Column("churn_probability", sa.Double, nullable=False),
        sa.Column("churn_prediction", sa.Boolean, nullable=False),
        sa.Column("risk_tier", sa.String(6), nullable=False),
        sa.PrimaryKeyConstraint("prediction_id"),
    )
