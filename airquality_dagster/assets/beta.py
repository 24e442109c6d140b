"""What of Dagster is in beta and used all the same."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg


@contextmanager
def accepted_beta() -> Iterator[None]:
    """Keep quiet about beta features: whoever runs our commands can do nothing about them.

    They are ``backfill_policy`` (a range of months in one run), the frame types of dagster-pandas, and the
    references from an asset to its code.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        yield
