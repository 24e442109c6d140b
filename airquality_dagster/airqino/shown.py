"""Values of an answer in messages."""

import reprlib

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxlong, _SHORT.maxother = 3, 60, 60, 60


def shown(value: object) -> str:
    """Return a value as printable text of at most 80 characters, whatever it is.

    >>> shown("n/a"), shown("x" * 100), shown([[[[[1]]]]])
    ("'n/a'", "'xxxxxxxxxxxxxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxxxxxxxxxxxxxxx'", '[[[...]]]')
    """
    try:
        return _SHORT.repr(value)[:80]
    except ValueError:  # Python shows no number of more than 4300 digits
        return "a number of thousands of digits"


def shown_name(name: str) -> str:
    """Return a sensor's name as it is if it can be printed, else as `shown`."""
    return name if name and name.isprintable() and len(name) <= 60 else shown(name)
