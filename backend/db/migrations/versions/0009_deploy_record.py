"""The ledger of deployments, one row for each."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TEXTS = (
    "key",
    "service",
    "version",
    "environment",
    "namespace",
    "image_digest",
    "commit_sha",
    "branch",
    "author",
)


def upgrade() -> None:
    op.create_table(
        "deploy_record",
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in (*TEXTS, "ci_run", "result")),
        sa.Column("smoke_test", sa.Text(), nullable=True),
        sa.Column("workloads", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        *(
            sa.Column(name, sa.DateTime(timezone=True), nullable=name in {"committed_at", "finished_at"})
            for name in ("committed_at", "started_at", "finished_at", "received_at", "changed_at")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deploy_record")),
        sa.UniqueConstraint("key", name=op.f("uq_deploy_record_key")),
        sa.CheckConstraint(
            "result IN ('running', 'succeeded', 'failed', 'rolled_back', 'cancelled')",
            name=op.f("ck_deploy_record_result"),
        ),
        sa.CheckConstraint(
            "smoke_test IN ('passed', 'failed', 'skipped')", name=op.f("ck_deploy_record_smoke_test")
        ),
        sa.CheckConstraint(
            "(result = 'running') = (finished_at IS NULL)", name=op.f("ck_deploy_record_ended")
        ),
        sa.CheckConstraint("finished_at >= started_at", name=op.f("ck_deploy_record_order")),
    )
    op.create_index("ix_deploy_record_started_at", "deploy_record", ["started_at"])
    op.create_index("ix_deploy_record_service_started_at", "deploy_record", ["service", "started_at"])


def downgrade() -> None:
    op.drop_table("deploy_record")
