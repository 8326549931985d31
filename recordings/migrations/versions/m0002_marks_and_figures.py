"""Episodes are found by what people said of them and by every figure of their quality card."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns.

    Episodes noted without them are forgotten: the catalogue notes them again from their folders.
    """
    op.execute("DELETE FROM episodes")
    with op.batch_alter_table("episodes") as table:
        table.add_column(sa.Column("success", sa.String(8), nullable=False))
        table.add_column(sa.Column("tags", sa.Text(), nullable=False))
        table.add_column(sa.Column("figures", sa.JSON(), nullable=False))


def downgrade() -> None:
    """Take the columns away."""
    with op.batch_alter_table("episodes") as table:
        for name in ("figures", "tags", "success"):
            table.drop_column(name)
