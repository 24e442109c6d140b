"""Settings of Superset. `serve.py` starts it, and sets the environment variables that are read here."""

import logging
import os
import threading
import warnings
from typing import Any

import duckdb
from sqlalchemy import event
from sqlalchemy.engine import Engine

SECRET_KEY = os.environ["SUPERSET_SECRET_KEY"]
# Superset has published defaults for these two.
GUEST_TOKEN_JWT_SECRET = GLOBAL_ASYNC_QUERIES_JWT_SECRET = SECRET_KEY
SQLALCHEMY_DATABASE_URI = f"sqlite:///{os.environ['SUPERSET_HOME']}/superset.db"
RATELIMIT_ENABLED = True  # of logins
RATELIMIT_STORAGE_URI = "memory://"
# Superset's own pages ask hosts for statistics of use, maps and fonts. Browsers ask nobody but this server.
TALISMAN_CONFIG = {
    "content_security_policy": {
        "default-src": ["'self'"],
        "base-uri": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": False,
}
LOG_LEVEL = logging.ERROR
ALEMBIC_SKIP_LOG_CONFIG = True
warnings.filterwarnings("ignore")  # of Superset's own code; nobody here can act on them

_LOCK = threading.Lock()
# Not EXPLAIN: with ANALYZE, it runs what it explains.
_QUERIES = {duckdb.StatementType.SELECT}


@event.listens_for(Engine, "connect")
def _lock_duckdb(connection: Any, _record: object) -> None:
    """Let SQL read the open-data files, and nothing else of this machine."""
    if not type(connection).__module__.startswith("duckdb_engine"):
        return
    cursor = connection.cursor()
    # Connections to one file share their settings.
    with _LOCK:
        cursor.execute("SELECT current_setting('lock_configuration')")
        if not cursor.fetchone()[0]:
            folder = os.environ["AIRQUALITY_OPEN_DATA_DIR"].replace("'", "''")
            cursor.execute(f"SET allowed_directories = ['{folder}']")
            cursor.execute("SET enable_external_access = false")
            cursor.execute("SET lock_configuration = true")


def SQL_QUERY_MUTATOR(sql: str, **_options: object) -> str:
    """Refuse all but queries: DuckDB's COPY would write into the folder of the files.

    Raises:
        PermissionError: a statement is no query.
    """
    if any(one.type not in _QUERIES for one in duckdb.extract_statements(sql)):
        raise PermissionError("only queries are allowed: SELECT …")
    return sql
