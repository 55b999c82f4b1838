"""A dangerous run whose plan is still being made is being cancelled, too, until the process that makes it is gone."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_APPROVED = (
    "risk <> 'dangerous' OR approved_at IS NOT NULL"
    " OR state NOT IN ('queued', 'running', 'cancelling', 'succeeded', 'lost')"
)


def upgrade() -> None:
    _replace(f"{_APPROVED} OR (state = 'cancelling' AND planned_at IS NULL)")


def downgrade() -> None:
    op.execute(
        "UPDATE runbook_run SET state = 'cancelled', ended_at = now()"
        " WHERE state = 'cancelling' AND planned_at IS NULL AND risk = 'dangerous'"
    )
    _replace(_APPROVED)


def _replace(condition: str) -> None:
    op.drop_constraint(op.f("ck_runbook_run_approved"), "runbook_run", type_="check")
    op.create_check_constraint(op.f("ck_runbook_run_approved"), "runbook_run", condition)
