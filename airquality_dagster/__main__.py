"""``python -m airquality_dagster`` is the ``airquality`` command."""

from airquality_dagster.cli.main import main

main()
