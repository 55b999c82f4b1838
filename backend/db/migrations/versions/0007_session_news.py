"""Every process is told at once when a session ends, or when an account changes."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

CHANGES = {
    "user_session": "UPDATE OF revoked_at, token_sha256, expires_at OR DELETE",
    "user_account": "UPDATE OF email, name, role, tenant_id, language, theme, disabled_at OR DELETE",
}


def upgrade() -> None:
    op.execute(
        "CREATE FUNCTION tell_session_news() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_notify('session_news', ''); RETURN NULL; END $$"
    )
    for table, change in CHANGES.items():
        op.execute(
            f"CREATE TRIGGER {table}_is_news AFTER {change} ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION tell_session_news()"
        )


def downgrade() -> None:
    for table in CHANGES:
        op.execute(f"DROP TRIGGER {table}_is_news ON {table}")
    op.execute("DROP FUNCTION tell_session_news()")
