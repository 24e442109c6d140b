"""The names of `dagster_mongodb`, where they were before it became a distribution of its own."""

from dagster_mongodb import *  # noqa: F403
from dagster_mongodb import __all__  # noqa: F401
