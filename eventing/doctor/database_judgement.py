"""A database of resources, judged by what it says of itself. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from eventing.doctor.check import Check
from eventing.doctor.finding import Finding, failure, ok, warning

POSTGRES_MIN: Final = 12
"""The oldest whose SQL is enough."""
CONNECTIONS_NEEDED: Final = 6
"""Of one process: its pool, and the one that listens."""
SLOW_S: Final = 0.05


def judge_postgres_version(number: int) -> Finding:
    """`server_version_num`: 150004 is 15.4."""
    major, words = number // 10_000, f"PostgreSQL {number // 10_000}.{number % 10_000}"
    if major < POSTGRES_MIN:
        return failure(Check.DATABASE_VERSION, words, f"upgrade it: PostgreSQL {POSTGRES_MIN} is the oldest that works")
    return ok(Check.DATABASE_VERSION, words)


def judge_tables(found: str | None, wanted: str, *, is_shared: bool) -> Finding:
    """The revision of the tables against the program's. A SQLite file is migrated by the server itself."""
    if found == wanted:
        return ok(Check.DATABASE_TABLES, f"its tables are at revision {found}")
    if found is not None and found > wanted:
        words = f"its tables are at revision {found}, which a newer version made; this one knows {wanted}"
        return failure(Check.DATABASE_TABLES, words, "run the newer version, or `eventing migrate` with it back down")
    words = "it holds no tables" if found is None else f"its tables are at revision {found}, {wanted} is needed"
    if not is_shared:
        return ok(Check.DATABASE_TABLES, f"{words}: the server brings them to {wanted} when it starts")
    return failure(Check.DATABASE_TABLES, words, "run `eventing migrate` before the server")


def judge_table_rights(missing: Mapping[str, Iterable[str]], user: str) -> Finding:
    """What the user may not do, by table."""
    lacking = {table: sorted(rights) for table, rights in missing.items() if rights}
    if not lacking:
        return ok(Check.DATABASE_RIGHTS, f"{user} may read and write all tables")
    words = "; ".join(f"{table}: {', '.join(rights)}" for table, rights in sorted(lacking.items()))
    grants = " ".join(f"GRANT {', '.join(rights)} ON {table} TO {user};" for table, rights in sorted(lacking.items()))
    return failure(Check.DATABASE_RIGHTS, f"{user} lacks rights: {words}", grants)


def judge_creation(*, may_create: bool, user: str, schema: str) -> Finding:
    """Whether `eventing migrate` could make tables."""
    if may_create:
        return ok(Check.DATABASE_RIGHTS, f"{user} may make tables in schema {schema}")
    words = f"{user} may not make tables in schema {schema}"
    return failure(Check.DATABASE_RIGHTS, words, f"GRANT CREATE ON SCHEMA {schema} TO {user};")


def judge_writable(*, is_replica: bool, is_read_only: bool) -> Finding:
    """Whether it takes writes."""
    if is_replica:
        return failure(
            Check.DATABASE_WRITABLE, "it is a standby, which takes no writes", "name the primary in --database-url"
        )
    if is_read_only:
        words = "transactions are read-only (default_transaction_read_only)"
        return failure(Check.DATABASE_WRITABLE, words, "switch that off for this user, or name the primary")
    return ok(Check.DATABASE_WRITABLE, "it takes writes")


def judge_durability(settings: Mapping[str, str]) -> Finding:
    """What a crash of it takes along."""
    lossy = [name for name in ("fsync", "full_page_writes", "synchronous_commit") if settings.get(name) == "off"]
    if not lossy:
        return ok(Check.DATABASE_DURABILITY, "what it has committed outlives a crash")
    words = f"{', '.join(lossy)} = off: a crash of its machine takes resources along, or damages the database"
    return warning(Check.DATABASE_DURABILITY, words, "switch it on in postgresql.conf")


def judge_connections(used: int, max_count: int) -> Finding:
    """Room for one more process."""
    words = f"{used} of {max_count} connections are used; each process of ours needs {CONNECTIONS_NEEDED}"
    if max_count - used < CONNECTIONS_NEEDED:
        return failure(Check.DATABASE_CONNECTIONS, words, "raise max_connections, or end what holds them")
    if max_count - used < 3 * CONNECTIONS_NEEDED:
        return warning(Check.DATABASE_CONNECTIONS, words, "raise max_connections before more processes are started")
    return ok(Check.DATABASE_CONNECTIONS, words)


def judge_notices(after_s: float | None) -> Finding:
    """Whether a notification arrived, and after how long; None where it did not."""
    if after_s is None:
        words = "LISTEN hears nothing of NOTIFY: other processes' changes are seen some seconds late"
        advice = "connect to the server itself, or by a pool of sessions: one of transactions (PgBouncer) drops LISTEN"
        return warning(Check.DATABASE_NOTICES, words, advice)
    return ok(Check.DATABASE_NOTICES, f"LISTEN hears NOTIFY after {after_s * 1000:.1f} ms")
