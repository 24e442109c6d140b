"""Marks of single cases."""

import pytest


def long(*values: object, **options: str):
    """Leave a case to `make test-all`: what it shows of the code, another case shows."""
    return pytest.param(*values, marks=pytest.mark.long, **options)
