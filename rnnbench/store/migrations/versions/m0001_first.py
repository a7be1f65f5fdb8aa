"""First version of the tables: runs, cases, figures, bodies."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "rnnbench_runs",
        sa.Column("run", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("identity", sa.String(64), nullable=False, unique=True),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("started_utc", sa.Text(), nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
    )
    op.create_table(
        "rnnbench_cases",
        sa.Column("case", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("axes", sa.Text(), nullable=False),
    )
    op.create_table(
        "rnnbench_figures",
        sa.Column("run", _NUMBER, sa.ForeignKey("rnnbench_runs.run", ondelete="CASCADE"), primary_key=True),
        sa.Column("place", sa.Integer(), primary_key=True),
        sa.Column("case", _NUMBER, sa.ForeignKey("rnnbench_cases.case"), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
    )
    op.create_index("rnnbench_figures_by_case", "rnnbench_figures", ["case", "run"])
    op.create_table(
        "rnnbench_bodies",
        sa.Column("run", _NUMBER, sa.ForeignKey("rnnbench_runs.run", ondelete="CASCADE"), primary_key=True),
        sa.Column("part", sa.Integer(), primary_key=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    for name in ("bodies", "figures", "cases", "runs"):
        op.drop_table(f"rnnbench_{name}")
