"""The table treatments, and the column held_out of predictions, from which the effect of offers is measured.

It repeats the declaration of `models.log.log_tables` at that time, because a migration must never change.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"
branch_labels = depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_OWNER = sa.text("""
SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class
WHERE oid = to_regclass('outcomes') AND pg_get_userbyid(relowner) <> current_user
""")
_SAME_RIGHTS = sa.text("""
SELECT format('GRANT %s ON treatments TO %s', privilege_type,
              CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END)
FROM pg_class, aclexplode(relacl)
WHERE oid = to_regclass('outcomes') AND grantee <> relowner
""")


def upgrade() -> None:
    """Apply this migration; predictions from before have no draw."""
    op.add_column("predictions", sa.Column("held_out", sa.Boolean))
    op.create_table(
        "treatments",
        sa.Column("prediction_id", sa.String(32), primary_key=True),
        sa.Column("offer", sa.String(6), nullable=False),
        sa.Column("given_at", _MOMENT, nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.Column("reported_by", sa.String(64), nullable=False),
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":  # who owns outcomes, or may write them, may do the same with treatments
        if owner := connection.scalar(_OWNER):
            connection.exec_driver_sql(f"ALTER TABLE treatments OWNER TO {owner}")
        for grant in connection.scalars(_SAME_RIGHTS).all():
            connection.exec_driver_sql(grant)
