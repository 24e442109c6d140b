"""Models: pydantic models, dataclasses and TypedDicts, which are stored as documents and validated when read."""

import contextlib
import dataclasses
import datetime
import enum
import functools
import ipaddress
import operator
import sys
import types
import typing
from collections.abc import Mapping, Sequence, Set
from pathlib import PurePath
from typing import Any

import numpy as np
import pydantic
import typing_extensions
from pydantic_core import to_jsonable_python

from dagster_mongodb.dates import midnight
from dagster_mongodb.errors import OptionsError, UnreadableError, UnstorableError
from dagster_mongodb.handlers.handler import Document, StoredRows

# Stored as text, by which pydantic reads them; what it writes into JSON may differ (a secret becomes stars).
_STORED_AS_TEXT = (
    datetime.time,
    datetime.timedelta,
    PurePath,
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    pydantic.AnyUrl,
)


def is_model(obj: object) -> bool:
    """Return whether an object is a pydantic model or a dataclass; a TypedDict is a dictionary."""
    return not isinstance(obj, type) and (isinstance(obj, pydantic.BaseModel) or dataclasses.is_dataclass(obj))


def is_model_type(annotation: Any) -> bool:
    """Return whether an annotation is a pydantic model, a dataclass or a TypedDict."""
    origin = typing.get_origin(annotation) or annotation  # of a generic model
    return typing_extensions.is_typeddict(origin) or (
        isinstance(origin, type) and (issubclass(origin, pydantic.BaseModel) or dataclasses.is_dataclass(origin))
    )


def as_document(obj: Any, where: str) -> Document:
    """Return a model, or a mapping, as a document; fields have their own names, not their aliases.

    Args:
        obj: any object.
        where: its place, for the error message.

    Raises:
        UnstorableError: it is neither, or no such model could be made from the document.
    """
    document = _plain(obj) if is_model(obj) else obj
    if not isinstance(document, Mapping):
        raise UnstorableError(f"{where} is {type(obj).__name__}, not a document (dict, pydantic model or dataclass)")
    if document is not obj:
        # A dataclass with types that pydantic does not know is stored, and can be read as a dict.
        with contextlib.suppress(pydantic.errors.PydanticUserError):
            _check_readable(document, type(obj), where)
    return typing.cast("Document", document)


def _check_readable(document: Mapping[str, Any], kind: type, where: str) -> None:
    try:
        _adapter(kind).validate_python(document, by_alias=True, by_name=True)
    except pydantic.ValidationError as error:
        raise UnstorableError(f"{where} could not be read back as {kind.__name__}: {_reason(error)}") from None


def _plain(value: Any) -> Any:
    """Return a value with models, sets, enumerations and what is stored as text taken apart."""
    if isinstance(value, pydantic.BaseModel) or hasattr(type(value), "__pydantic_serializer__"):
        # Computed fields are left out: a model could not be made from them. Fields of subclasses are kept.
        value = _adapter(type(value)).dump_python(value, round_trip=True, serialize_as_any=True)
    elif is_model(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return value.item()
    if isinstance(value, _STORED_AS_TEXT):
        return to_jsonable_python(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, Set):
        return [_plain(inner) for inner in sorted(value, key=repr)]  # in the same order in each process
    if type(value) is datetime.date:
        return midnight(value)
    return value


class Model:
    """What documents are validated against.

    Args:
        annotation: a pydantic model, a dataclass or a TypedDict.

    Raises:
        OptionsError: pydantic cannot validate it.
    """

    def __init__(self, annotation: Any) -> None:
        self._name = getattr(annotation, "__name__", str(annotation))
        try:
            self._adapter = _adapter(annotation)
        except pydantic.errors.PydanticUserError as error:
            raise OptionsError(f"the annotation {self._name} cannot be validated: {error.message}") from None

    def validated(self, documents: Sequence[Document], stored: StoredRows) -> list[Any]:
        """Return models made from documents, whose fields may have their names or their aliases.

        Raises:
            UnreadableError: a document does not fit; names its key, the field and the reason.
        """
        return [self._validated(row, document, stored) for row, document in enumerate(documents)]

    def _validated(self, row: int, document: Document, stored: StoredRows) -> Any:
        try:
            return self._adapter.validate_python(document, by_alias=True, by_name=True)
        except pydantic.ValidationError as error:
            key = ", ".join(f"{name}={document.get(name)!r:.80}" for name in stored.primary_key)
            raise UnreadableError(
                f"{stored.title}: the document {key or f'number {row}'} is not a {self._name}: {_reason(error)}"
            ) from None


def _reason(error: pydantic.ValidationError) -> str:
    """Return the first field that does not fit and why, without its value."""
    first, *others = error.errors(include_url=False, include_context=False, include_input=False)
    more = f" (and {len(others)} more)" if others else ""
    return f"{'.'.join(map(str, first['loc'])) or 'all of it'}: {first['msg']}{more}"


@functools.lru_cache(maxsize=256)
def _adapter(annotation: Any) -> pydantic.TypeAdapter[Any]:
    if sys.version_info < (3, 12):
        annotation = _with_known_typed_dicts(annotation)
    return pydantic.TypeAdapter(annotation)


def _with_known_typed_dicts(annotation: Any) -> Any:
    """Return an annotation with the TypedDicts that pydantic accepts: those of `typing` only since Python 3.12."""
    if typing.is_typeddict(annotation):
        hints = {
            name: _with_known_typed_dicts(hint)
            for name, hint in typing.get_type_hints(annotation, include_extras=True).items()
        }
        required = annotation.__required_keys__
        fields = {
            name: hint
            if name in required or typing.get_origin(hint) is typing_extensions.NotRequired
            else typing_extensions.NotRequired[hint]
            for name, hint in hints.items()
        }
        return typing_extensions.TypedDict(annotation.__name__, fields)  # pyright: ignore[reportArgumentType] made at run time
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if not args or origin is typing.Literal:
        return annotation
    if origin in (typing_extensions.NotRequired, typing_extensions.Required):
        return origin[_with_known_typed_dicts(args[0])]
    inner = tuple(map(_with_known_typed_dicts, args))
    return functools.reduce(operator.or_, inner) if origin is types.UnionType else origin[inner]
