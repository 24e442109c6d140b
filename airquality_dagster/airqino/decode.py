"""JSON of the AirQino API's answers, decoded so that no oddity of one row keeps the others from being read."""

import json
import re
from collections import Counter
from typing import Any

from airquality_dagster.network.pollutants import TIMESTAMP

# More digits are no reading: 1e308 has 309. Python converts at most 4300 digits.
_MOST_DIGITS = 400
# The body, its rows, a row: what is nested in a row begins at this depth.
_DEPTH_OF_A_ROW = 3
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


class RepeatedKeys(list[tuple[str, Any]]):
    """The keys and values of a JSON object that has a key twice, in their order."""

    @property
    def repeated(self) -> str:
        """A key that is there twice; the timestamp if it is one."""
        counts = Counter(name for name, _ in self)
        return TIMESTAMP if counts[TIMESTAMP] > 1 else counts.most_common(1)[0][0]


def decode_answer(body: bytes | str) -> object:
    """Decode the body of an answer.

    ``NaN`` and ``Infinity`` are numbers, and texts may have control characters: some servers send them. An object with
    a key twice is a `RepeatedKeys`. What is nested in a row stays JSON text, and so does a whole number with hundreds
    of digits.

    Raises:
        ValueError: the body is not JSON.
    """
    text = body if isinstance(body, str) else body.decode(json.detect_encoding(body), "surrogatepass")
    # Ordinary answers have one list, and an object for the body, the header and each row.
    if text.count("[") > 1 or text.count("{") > text.count(f'"{TIMESTAMP}"') + 2:
        text = _flattened(text)
    try:
        return json.loads(text, object_pairs_hook=_object, parse_int=_whole_number, strict=False)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | RepeatedKeys:
    content = dict(pairs)
    return content if len(content) == len(pairs) else RepeatedKeys(pairs)


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) < _MOST_DIGITS else digits


def _flattened(text: str) -> str:
    """Replace what is nested in a row by its text, so that Python can decode any depth."""
    parts, copied, depth, begin = [], 0, 0, 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            if depth == _DEPTH_OF_A_ROW:
                begin = token.start()
            depth += 1
        elif token[0] in "]}":
            depth -= 1
            if depth == _DEPTH_OF_A_ROW:
                parts += [text[copied:begin], json.dumps(text[begin : token.end()])]
                copied = token.end()
    return "".join([*parts, text[copied:]])
