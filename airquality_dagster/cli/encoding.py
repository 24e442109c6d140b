"""Output to terminals and files whose encoding does not have all characters."""

import codecs
import io
import sys
import unicodedata

_PLAIN = str.maketrans({"µ": "u", "–": "-", "×": "x"})


def show_all_characters() -> None:
    """Let stdout and stderr show other characters for those that their encoding does not have, such as ASCII."""
    codecs.register_error("airquality", _replacement)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="airquality")


def _replacement(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(character: str) -> str:
    """Return a character in ASCII.

    >>> "".join(map(_plain, "µg/m³ O₃ São 時"))
    'ug/m3 O3 Sao ?'
    """
    decomposed = unicodedata.normalize("NFKD", character.translate(_PLAIN))
    return decomposed.encode("ascii", "ignore").decode() or "?"
