"""Serves Apache Superset with the dashboard in this folder over the open-data files: `make superset`."""

import contextlib
import io
import json
import os
import secrets
import sys
from pathlib import Path
from string import Template
from typing import Any

import duckdb
import waitress
import yaml

HERE = Path(__file__).resolve().parent
ADMIN = "admin"
FILES = ("hours-*.parquet", "days-*.parquet", "periods.parquet")
COLOURS = (("#0072B2", "#A9C4D6"), ("#D55E00", "#E6C5AE"), ("#009E73", "#AAD3C4"), ("#CC79A7", "#E5CBD9"))
"""Of a station's series, and of what is not valid of it. Further stations get Superset's own colours."""
NO_FILES = (
    "there are no open-data files in {}: write them with `airquality export --all`, or name their folder in "
    "AIRQUALITY_OPEN_DATA_DIR"
)


def main() -> None:
    """Prepare Superset's home, and serve until Ctrl-C."""
    home = Path(os.environ.get("AIRQUALITY_HOME") or ".airquality").resolve()
    files = Path(os.environ.get("AIRQUALITY_OPEN_DATA_DIR") or home / "open-data").resolve()
    port = int(os.environ.get("SUPERSET_PORT") or 8088)
    if not all(any(files.glob(f"*/{name}")) for name in FILES):
        sys.exit(NO_FILES.format(files))
    os.umask(0o077)
    folder = home / "superset"
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "open_data.duckdb"
    stations = write_views(database, files)
    package = json.loads((files / "datapackage.json").read_text(encoding="utf-8"))
    os.environ |= {
        "AIRQUALITY_OPEN_DATA_DIR": str(files),
        "SUPERSET_HOME": str(folder),
        "SUPERSET_CONFIG_PATH": str(HERE / "superset_config.py"),
        "SUPERSET_SECRET_KEY": os.environ.get("SUPERSET_SECRET_KEY") or kept_secret(folder / "secret_key"),
    }
    print("Preparing Superset (half a minute the first time) ...", flush=True)
    app = prepared_app(bundle(database, package, stations))
    print(f"Superset: http://127.0.0.1:{port}/superset/dashboard/air-quality/ (Ctrl-C ends it)", flush=True)
    waitress.serve(app, host="127.0.0.1", port=port, threads=8)


def write_views(database: Path, files: Path) -> list[str]:
    """Write a DuckDB file with the views that the charts read, and return the stations in the order of the charts.

    Args:
        database: the file; its former version is replaced.
        files: folder of the open-data files.
    """
    views = Template((HERE / "views.sql").read_text(encoding="utf-8"))
    database.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        connection.execute(views.substitute(folder=str(files).replace("'", "''")))
        return [name for (name,) in connection.execute("SELECT DISTINCT station FROM periods ORDER BY 1").fetchall()]


def kept_secret(path: Path) -> str:
    """Return the secret in a file that only its owner can read; the first call makes it."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(42))
    return path.read_text()


def bundle(database: Path, package: dict[str, Any], stations: list[str]) -> dict[str, str]:
    """Return the dashboard's files as Superset imports them, for the data of this machine.

    Args:
        database: the DuckDB file.
        package: `datapackage.json` of the files: title, licence and attribution are shown.
        stations: names of the stations, in the order of the waterfalls.
    """
    root = HERE / "dashboard"
    documents = {
        path.relative_to(root).as_posix(): yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in root.rglob("*.yaml")
    }
    # A bundle of assets replaces all that is in it; that of a dashboard keeps former datasets.
    documents["metadata.yaml"]["type"] = "assets"
    documents["databases/open_data.yaml"]["sqlalchemy_uri"] = f"duckdb:///{database}"
    dashboard = documents["dashboards/air_quality.yaml"]
    dashboard["dashboard_title"] = package["title"]
    notes = dashboard["position"]["MARKDOWN-en"]["meta"]
    notes["code"] += f"\nLicence: {package['licence']}. Attribution: {package['attribution']}."
    for station, (colour, paler) in zip(stations, COLOURS, strict=False):
        dashboard["metadata"]["label_colors"] |= {station: colour, f"{station}, not valid": paler}
    for number, station in enumerate(stations[:2], start=1):
        documents[f"charts/waterfall_{number}.yaml"]["slice_name"] = f"PM2.5 from month to month: {station}"
    return {name: yaml.safe_dump(document) for name, document in documents.items()}


def prepared_app(files: dict[str, str]) -> Any:
    """Return Superset's application with its tables, its roles, an administrator and the dashboard.

    Args:
        files: name → text of each file of the dashboard.
    """
    # Superset reads its settings when it is imported, and prints what it does to its tables.
    with contextlib.redirect_stdout(io.StringIO()):
        from flask import g
        from flask_migrate import upgrade
        from superset.app import create_app

        app = create_app()
        with app.app_context():
            upgrade()
    with app.app_context():
        from superset import appbuilder, security_manager
        from superset.commands.importers.v1.assets import ImportAssetsCommand

        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        if security_manager.find_user(ADMIN) is None:
            role = security_manager.find_role("Admin")
            security_manager.add_user(ADMIN, "Superset", "Admin", "admin@localhost", role, password())
        g.user = security_manager.find_user(ADMIN)
        ImportAssetsCommand(files).run()
    return app


def password() -> str:
    """Return the administrator's password: of the environment, or a new one, which is printed and kept nowhere."""
    given = os.environ.get("SUPERSET_ADMIN_PASSWORD")
    if given:
        return given
    made = secrets.token_urlsafe(12)
    print(f"User {ADMIN}, password {made} (shown only now)", flush=True)
    return made


if __name__ == "__main__":
    main()
