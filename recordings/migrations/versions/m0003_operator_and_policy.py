"""Episodes are found by who recorded them and by what drove."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; what was noted without them is noted again from the folders."""
    op.execute("DELETE FROM episodes")
    with op.batch_alter_table("episodes") as table:
        for name in ("operator", "policy"):
            table.add_column(sa.Column(name, sa.Text(), nullable=False))


def downgrade() -> None:
    """Take the columns away."""
    with op.batch_alter_table("episodes") as table:
        for name in ("policy", "operator"):
            table.drop_column(name)
