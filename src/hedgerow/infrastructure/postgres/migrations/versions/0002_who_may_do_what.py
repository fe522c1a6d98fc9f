"""Who may do what: two roles that own nothing, rows by user, and history that stays.

`hedgerow_app` acts for one user, named by the setting `hedgerow.user_id` of its transaction, and
sees that user's rows only. `hedgerow_worker` acts for all: audits, relays, the opening of funds.
What must never change is kept by triggers, which bind every role, the owner's too.
"""

from __future__ import annotations

from collections.abc import Mapping

from alembic import op

revision = "0002_who_may_do_what"
down_revision = "0001_the_schema"
branch_labels = None
depends_on = None

# Roles belong to the server, not to one database: another may have made them, or be at it.
# Who migrates must be able to take them on; PostgreSQL 16 lets their maker grant that to itself.
ROLE = """
DO $$
BEGIN
    IF to_regrole('{role}') IS NULL THEN
        BEGIN
            CREATE ROLE {role} NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END IF;
    IF NOT pg_has_role(current_user, '{role}', 'SET') THEN
        GRANT {role} TO current_user WITH INHERIT FALSE, SET TRUE;
    END IF;
END $$
"""

# What belongs to one user, and the column that says to whom.
TENANT_TABLES: Mapping[str, str] = {
    "users": "id",
    "exchange_accounts": "user_id",
    "funds": "user_id",
    "strategies": "user_id",
    "trading_pairs": "user_id",
    "orders": "user_id",
    "positions": "user_id",
    "fills": "user_id",
    "transfers": "user_id",
    "ledger_entries": "user_id",
    "ledger_balances": "user_id",
    "circuit_breaker_states": "user_id",
    "risk_events": "user_id",
    "events": "user_id",
    "wishes": "user_id",
    "paper_runs": "user_id",
    "memories": "user_id",
    "memory_validations": "user_id",
    "journal_entries": "user_id",
    "sessions": "user_id",
}

# The acting user, or NULL, which equals nobody: where nothing was set, and also where '' is left
# of a setting that an earlier transaction of the same connection had made. The subselect is
# evaluated once a query; a bare call would be evaluated for every row.
ACTING = "(SELECT nullif(current_setting('hedgerow.user_id', true), '')::uuid)"
ISOLATION = """
CREATE POLICY own_rows ON {table} TO hedgerow_app
    USING ({owner} = {acting}) WITH CHECK ({owner} = {acting})
"""
WORKER = "CREATE POLICY all_rows ON {table} TO hedgerow_worker USING (true) WITH CHECK (true)"
# Collective memories belong to nobody: all read them, and a user's trades validate them.
COLLECTIVE = (
    "CREATE POLICY collective_read ON memories FOR SELECT TO hedgerow_app"
    " USING (scope = 'collective')",
    "CREATE POLICY collective_validation ON memories FOR UPDATE TO hedgerow_app"
    " USING (scope = 'collective') WITH CHECK (scope = 'collective')",
)

# Nobody deletes. What a role may update is named here, by columns where only some may change.
GRANTS = (
    "GRANT USAGE ON SCHEMA public TO hedgerow_app, hedgerow_worker",
    # The rows of one user, changed as the fund goes on.
    "GRANT SELECT, INSERT, UPDATE ON exchange_accounts, strategies, trading_pairs, orders,"
    " positions, ledger_balances, circuit_breaker_states, paper_runs, sessions"
    " TO hedgerow_app, hedgerow_worker",
    "GRANT SELECT, INSERT, UPDATE ON funds, wishes TO hedgerow_app, hedgerow_worker",
    # History: written once.
    "GRANT SELECT, INSERT ON fills, transfers, ledger_entries, events, memory_validations,"
    " regime_classifications TO hedgerow_app, hedgerow_worker",
    "GRANT SELECT, INSERT, UPDATE (acknowledged) ON risk_events TO hedgerow_app, hedgerow_worker",
    "GRANT SELECT, INSERT, UPDATE (was_correct_exit, lessons_learned, improvement_tips)"
    " ON journal_entries TO hedgerow_app, hedgerow_worker",
    "GRANT SELECT, INSERT, UPDATE (validation_score, validation_trades)"
    " ON memories TO hedgerow_app",
    "GRANT SELECT, INSERT, UPDATE ON memories TO hedgerow_worker",
    # A user changes their name and settings, but not their tier, nor whether they may act.
    "GRANT SELECT, UPDATE (telegram_id, telegram_username, first_name, last_name, settings,"
    " updated_at) ON users TO hedgerow_app",
    # Empty whenever anybody else looks; but who reads all reads this too.
    "GRANT SELECT ON ledger_imbalances TO hedgerow_worker",
    "GRANT SELECT ON limit_profiles, instruments TO hedgerow_app",
    "GRANT SELECT, INSERT, UPDATE ON users, limit_profiles, instruments TO hedgerow_worker",
)

CAPITAL_STAYS = (
    """
CREATE FUNCTION hedgerow_refuse_new_capital() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'allocated_capital of strategy % never changes', OLD.id
        USING ERRCODE = 'integrity_constraint_violation';
END $$
""",
    """
CREATE TRIGGER capital_stays BEFORE UPDATE ON strategies
    FOR EACH ROW WHEN (OLD.allocated_capital IS DISTINCT FROM NEW.allocated_capital)
    EXECUTE FUNCTION hedgerow_refuse_new_capital()
""",
)

APPEND_ONLY = ("fills", "transfers", "ledger_entries", "events", "memory_validations")
REFUSE_CHANGE = """
CREATE FUNCTION hedgerow_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% refused: what is in % stays as it was written', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$
"""
STAYS = """
CREATE TRIGGER stays_as_written BEFORE {operations} ON {table}
    FOR EACH ROW EXECUTE FUNCTION hedgerow_refuse_change()
"""
STAYS_WHOLE = """
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION hedgerow_refuse_change()
"""

# An alert may be acknowledged; a journal entry's exit is judged once, and its review with it.
PARTLY_CHANGED = (
    """
CREATE TRIGGER stays_as_written BEFORE UPDATE ON risk_events
    FOR EACH ROW
    WHEN (to_jsonb(OLD) - 'acknowledged' IS DISTINCT FROM to_jsonb(NEW) - 'acknowledged')
    EXECUTE FUNCTION hedgerow_refuse_change()
""",
    """
CREATE TRIGGER stays_as_written BEFORE UPDATE ON journal_entries
    FOR EACH ROW
    WHEN (
        OLD.was_correct_exit IS NOT NULL
        OR NEW.was_correct_exit IS NULL
        OR to_jsonb(OLD) - '{was_correct_exit,lessons_learned,improvement_tips,updated_at}'::text[]
            IS DISTINCT FROM
            to_jsonb(NEW) - '{was_correct_exit,lessons_learned,improvement_tips,updated_at}'::text[]
    )
    EXECUTE FUNCTION hedgerow_refuse_change()
""",
)

# A transfer may be written by several statements, so what counts is its sum at commit. What a
# statement leaves off balance is noted, and what is still noted at commit is refused: nothing is
# read again where the entries of a transfer come in one statement, as they do. The functions act
# as their owner, because nobody else has any right to the notes.
ZERO_SUM = (
    """
CREATE FUNCTION hedgerow_note_imbalance() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO ledger_imbalances AS noted (transfer_id, currency, amount)
        SELECT transfer_id, currency, sum(amount) FROM added
        GROUP BY transfer_id, currency HAVING sum(amount) <> 0
        ON CONFLICT (transfer_id, currency) DO UPDATE SET amount = noted.amount + excluded.amount;
    RETURN NULL;
END $$
""",
    """
CREATE TRIGGER is_weighed AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION hedgerow_note_imbalance()
""",
    """
CREATE FUNCTION hedgerow_require_zero_sum() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    off numeric;
BEGIN
    DELETE FROM ledger_imbalances
        WHERE transfer_id = NEW.transfer_id AND currency = NEW.currency
        RETURNING amount INTO off;
    IF off <> 0 THEN
        RAISE EXCEPTION 'transfer % is off by % %', NEW.transfer_id, off, NEW.currency
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$
""",
    """
CREATE CONSTRAINT TRIGGER sums_to_zero AFTER INSERT OR UPDATE ON ledger_imbalances
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION hedgerow_require_zero_sum()
""",
)

STAMPED = (
    "limit_profiles",
    "exchange_accounts",
    "funds",
    "trading_pairs",
    "ledger_balances",
    "circuit_breaker_states",
    "memories",
    "journal_entries",
)
STAMP = """
CREATE FUNCTION hedgerow_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$
"""
STAMPS = """
CREATE TRIGGER stamped BEFORE UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION hedgerow_stamp()
"""


def upgrade() -> None:
    """Move forward."""
    for role in ("hedgerow_app", "hedgerow_worker"):
        op.execute(ROLE.format(role=role))
    _isolate()
    for statement in (*GRANTS, *COLLECTIVE):
        op.execute(statement)
    _defend()
    op.execute(STAMP)
    for table in STAMPED:
        op.execute(STAMPS.format(table=table))


def _isolate() -> None:
    for table, owner in TENANT_TABLES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        # ADK's sessions know their user by text.
        acting = f"{ACTING}::text" if table == "sessions" else ACTING
        op.execute(ISOLATION.format(table=table, owner=owner, acting=acting))
        op.execute(WORKER.format(table=table))


def _defend() -> None:
    for statement in (*CAPITAL_STAYS, REFUSE_CHANGE, *PARTLY_CHANGED, *ZERO_SUM):
        op.execute(statement)
    for table in APPEND_ONLY:
        op.execute(STAYS.format(table=table, operations="UPDATE OR DELETE"))
    for table in ("risk_events", "journal_entries"):
        op.execute(STAYS.format(table=table, operations="DELETE").replace("as_written", "here"))
    for table in (*APPEND_ONLY, "risk_events", "journal_entries"):
        op.execute(STAYS_WHOLE.format(table=table))
