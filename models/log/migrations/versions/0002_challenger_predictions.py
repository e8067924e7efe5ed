"""What a challenger in the shadow says: challenger_predictions.

Repeats what `models.log.log_tables` said at the time, as every script here.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"
branch_labels = depends_on = None


def upgrade() -> None:
    """Go one step on."""
    op.create_table(
        "challenger_predictions",
        sa.Column("prediction_id", sa.String(32), sa.ForeignKey("predictions.prediction_id", ondelete="CASCADE")),
        sa.Column("model_version", sa.String(64), nullable=False),
        sa.Column("churn_probability", sa.Double, nullable=False),
        sa.Column("churn_prediction", sa.Boolean, nullable=False),
        sa.Column("risk_tier", sa.String(6), nullable=False),
        sa.PrimaryKeyConstraint("prediction_id"),
    )
