"""The first tables: episodes, jobs, checkpoints, commands."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "episodes",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("dataset", sa.String(200), nullable=False, index=True),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("num_frames", sa.Integer(), nullable=False),
        sa.Column("secs", sa.Float(), nullable=False),
        sa.Column("verdict", sa.String(16)),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.UniqueConstraint("dataset", "index"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False, unique=True),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("base", sa.Text()),
        sa.Column("submitted_at", sa.DateTime(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("loss", sa.Float()),
        sa.Column("samples_per_second", sa.Float()),
        sa.Column("error", sa.Text()),
    )
    op.create_table(
        "checkpoints",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("folder", sa.String(500), nullable=False, unique=True),
        sa.Column("job", sa.String(200), sa.ForeignKey("jobs.name"), nullable=False, index=True),
        sa.Column("made_at", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "commands",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("key", sa.String(32), nullable=False, unique=True),
        sa.Column("said_at", sa.DateTime(), nullable=False, index=True),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text()),
        sa.Column("episode", sa.Integer()),
        sa.Column("outcome", sa.String(16)),
    )


def downgrade() -> None:
    """Drop the tables."""
    for name in ("commands", "checkpoints", "jobs", "episodes"):
        op.drop_table(name)
