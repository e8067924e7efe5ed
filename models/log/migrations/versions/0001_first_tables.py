"""The first tables: predictions, outcomes and traffic.

It repeats the declarations of `models.log.log_tables` at that time, because a migration must never change.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = branch_labels = depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply this migration."""
    op.create_table(
        "predictions",
        sa.Column("prediction_id", sa.String(32), primary_key=True),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("model_version", sa.String(64), nullable=False),
        sa.Column("features", sa.JSON),
        sa.Column("inputs_digest", sa.String(64)),
        sa.Column("churn_probability", sa.Double, nullable=False),
        sa.Column("churn_prediction", sa.Boolean, nullable=False),
        sa.Column("risk_tier", sa.String(6), nullable=False),
    )
    op.create_table(
        "outcomes",
        sa.Column("prediction_id", sa.String(32), sa.ForeignKey("predictions.prediction_id", ondelete="CASCADE")),
        sa.Column("churned", sa.Boolean, nullable=False),
        sa.Column("observed_at", _MOMENT, nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("prediction_id"),
    )
    op.create_table(
        "traffic",
        sa.Column("traffic_id", sa.String(32), primary_key=True),
        sa.Column("counted_at", _MOMENT, nullable=False),
        sa.Column("answered_requests", sa.Integer, nullable=False),
        sa.Column("refused_requests", sa.Integer, nullable=False),
        sa.Column("refused_fields", sa.JSON, nullable=False),
        sa.Column("dropped_rows", sa.Integer, nullable=False),
    )
