"""Use of Dagster's beta features."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg


@contextmanager
def accepted_beta() -> Iterator[None]:
    """Suppress Dagster's warnings about beta features: users of the commands cannot act on them.

    The features are ``backfill_policy`` (a range of months in one run), the frame types of dagster-pandas, and code
    references of assets.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        yield
