"""Where the partitions of an asset are stored: one value, computed once, for reads and writes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from dagster_mongodb.columns import field_name
from dagster_mongodb.errors import OptionsError, PartitionError
from dagster_mongodb.values import ID


@dataclass(frozen=True)
class Keys:
    """Partition keys of one dimension: the column holds one of them, as text."""

    column: str
    keys: tuple[str, ...]

    def query(self, path: str) -> dict[str, Any]:
        """Return the filter on a document's field."""
        return {path: self.keys[0]} if len(self.keys) == 1 else {path: {"$in": list(self.keys)}}

    def holds(self, values: pd.Series) -> np.ndarray:
        """Return which values lie in these partitions."""
        if getattr(values.dtype, "kind", "O") in "iufbmM":
            raise PartitionError(
                f"the partition_expr column {self.column!r} is {values.dtype}: partition keys are text, so make it "
                f"text, as in df[{self.column!r}].astype(str)"
            )
        return values.isin(self.keys).to_numpy()

    def __str__(self) -> str:
        shown = ", ".join(self.keys[:5])
        return shown if len(self.keys) <= 5 else f"{shown} … ({len(self.keys)} partitions)"


@dataclass(frozen=True)
class Windows:
    """Time windows of one dimension, ordered and disjoint: the column lies in one of them."""

    column: str
    windows: tuple[tuple[datetime, datetime], ...]

    def query(self, path: str) -> dict[str, Any]:
        """Return the filter on a document's field."""
        ranges = [{path: {"$gte": start, "$lt": end}} for start, end in self.windows]
        return ranges[0] if len(ranges) == 1 else {"$or": ranges}

    def holds(self, values: pd.Series) -> np.ndarray:
        """Return which values lie in these partitions."""
        if not isinstance(values.dtype, pd.DatetimeTZDtype):
            raise PartitionError(
                f"the partition_expr column {self.column!r} is {values.dtype}: time partitions need tz-aware dates, "
                f"as in pd.to_datetime(df[{self.column!r}], utc=True)"
            )
        inside, dates = np.zeros(len(values), dtype=bool), pd.DatetimeIndex(values)
        for start, end in self.windows:
            inside |= (dates >= pd.Timestamp(start)) & (dates < pd.Timestamp(end))
        return inside

    def __str__(self) -> str:
        return ", ".join(f"{start.isoformat()} to {end.isoformat()}" for start, end in self.windows)


@dataclass(frozen=True)
class CollectionSlice:
    """The documents that belong to some partitions of an asset.

    Args:
        database, collection: where they are.
        primary_key: the columns that are ``_id``.
        boxes: a document belongs to the slice if it satisfies all conditions of one of them; `None`:
            the whole collection; an empty tuple: no document.
        dotted_names: columns whose names contain a dot. Every other name with dots is a path into nested
            documents.
    """

    database: str
    collection: str
    primary_key: tuple[str, ...] = ()
    boxes: tuple[tuple[Keys | Windows, ...], ...] | None = None
    dotted_names: frozenset[str] = frozenset()

    def path(self, name: str) -> str:
        """Return the path in a document of a column, or of a place inside its values such as ``address.city``."""
        column = self.column(name)
        inner = name.removeprefix(column)
        if column not in self.primary_key:
            return field_name(column) + inner
        return (ID if len(self.primary_key) == 1 else f"{ID}.{field_name(column)}") + inner

    def column(self, name: str) -> str:
        """Return the column of a name: the longest column with dots that it begins with, else its first part.

        >>> where = CollectionSlice("d", "c", dotted_names=frozenset({"in US$ 1.50"}))
        >>> where.column("address.city"), where.column("in US$ 1.50"), where.column("in US$ 1.50.to")
        ('address', 'in US$ 1.50', 'in US$ 1.50')
        """
        dotted = [column for column in self.dotted_names if f"{name}.".startswith(f"{column}.")]
        return max(dotted, key=len, default=name.partition(".")[0])

    @property
    def query(self) -> dict[str, Any]:
        """The filter of the slice's documents."""
        if self.boxes is None:
            return {}
        if not self.boxes:
            return {ID: {"$in": []}}
        alternatives = [
            conditions[0] if len(conditions) == 1 else {"$and": conditions}
            for conditions in ([cut.query(self.path(cut.column)) for cut in box] for box in self.boxes)
        ]
        return alternatives[0] if len(alternatives) == 1 else {"$or": alternatives}

    @property
    def partition_columns(self) -> tuple[str, ...]:
        """The columns that partitions are cut by."""
        return tuple(cut.column for cut in self.boxes[0]) if self.boxes else ()

    @property
    def is_fixed_by_primary_key(self) -> bool:
        """Whether a document's ``_id`` alone says to which slice it belongs."""
        return self.boxes is None or set(self.partition_columns) <= set(self.primary_key)

    def check_columns(self, names: Sequence[str]) -> None:
        """Refuse a table without a column that partitions are cut by.

        Raises:
            PartitionError: names the column.
        """
        for column in self.partition_columns:
            if self.column(column) not in names:
                raise PartitionError(
                    f"'partition_expr' names the column {column!r}, which the rows do not have: {', '.join(names)}"
                )

    def check_rows(self, frame: pd.DataFrame) -> None:
        """Refuse rows of other partitions, which no write of those partitions would find.

        Args:
            frame: with at least the partition columns.

        Raises:
            PartitionError: names the column, the first such row and its value.
        """
        if self.boxes is None or frame.empty:
            return
        inside = np.zeros(len(frame), dtype=bool)
        for box in self.boxes:
            in_box = np.ones(len(frame), dtype=bool)
            for cut in box:
                in_box &= cut.holds(frame[cut.column])
            inside |= in_box
        if not inside.all():
            row = int((~inside).argmax())
            found = ", ".join(f"{column}={_shown(frame[column].iloc[row])}" for column in self.partition_columns)
            raise PartitionError(
                f"{int((~inside).sum())} of {len(frame)} rows lie outside the partition that is written ({self}): row "
                f"{row} has {found}"
            )

    def __str__(self) -> str:
        if self.boxes is None:
            return "all of it"
        return " or ".join(" and ".join(map(str, box)) for box in self.boxes) or "no partition"


def locate(
    database: str,
    collection: str,
    metadata: Mapping[str, Any],
    *,
    partitions: "Partitions | None",
    dotted_names: Iterable[str] = (),
) -> CollectionSlice:
    """Return where some partitions of an asset, or an output that is not an asset, are stored.

    Args:
        database, collection: of the asset.
        metadata: definition metadata of the asset, with its `primary_key` and `partition_expr`.
        partitions: of the asset; `None`: all of it.
        dotted_names: columns of the asset whose names contain a dot.

    Raises:
        OptionsError: the metadata does not name the column that partitions are cut by.
    """
    return CollectionSlice(
        database=database,
        collection=collection,
        primary_key=names_of(metadata.get("primary_key")),
        boxes=None if partitions is None else _boxes(partitions, metadata),
        dotted_names=frozenset(dotted_names),
    )


@dataclass(frozen=True)
class Partitions:
    """Some partitions of an asset.

    Args:
        asset: its key, for error messages.
        definition: of all partitions.
        keys: of these.
    """

    asset: str
    definition: dg.PartitionsDefinition[Any]
    keys: tuple[str, ...]

    @classmethod
    def of(cls, context: dg.OutputContext | dg.InputContext) -> "Partitions | None":
        """Return the partitions of a context; `None` if it has none."""
        if not (context.has_asset_key and context.has_asset_partitions):
            return None
        definition, keys = context.asset_partitions_def, context.asset_partition_keys
        # Of mappings, Dagster gives the keys in no order.
        is_static = isinstance(definition, dg.StaticPartitionsDefinition)
        order = definition.get_partition_keys().index if is_static else str
        return cls(context.asset_key.to_user_string(), definition, tuple(sorted(keys, key=order)))


def names_of(primary_key: Any) -> tuple[str, ...]:
    """Return the columns of a primary key: of none, a name, or several names.

    Raises:
        OptionsError: it is something else.
    """
    names = [primary_key] if isinstance(primary_key, str) else primary_key or []
    is_valid = isinstance(names, (list, tuple)) and all(isinstance(name, str) and name for name in names)
    if not is_valid or len(set(names)) < len(names):
        raise OptionsError(f"'primary_key' is {primary_key!r}, it must be a column or a list of columns")
    return tuple(names)


def _boxes(partitions: Partitions, metadata: Mapping[str, Any]) -> tuple[tuple[Keys | Windows, ...], ...]:
    asset, partitions_def, keys = partitions.asset, partitions.definition, partitions.keys
    expression = metadata.get("partition_expr")
    is_calendar = bool(metadata.get("calendar_dates"))
    if expression is None:
        raise OptionsError(
            f"asset {asset!r} has partitions, but no metadata 'partition_expr': name the column that holds the "
            'partition, as in metadata={"partition_expr": "date"}'
        )
    if not isinstance(partitions_def, dg.MultiPartitionsDefinition):
        if not isinstance(expression, str):
            raise OptionsError(
                f"asset {asset!r}: 'partition_expr' is {expression!r}, it must be the name of one column"
            )
        return ((_cut(expression, partitions_def, keys, is_calendar),),) if keys else ()

    dimensions = partitions_def.partitions_defs
    named = expression if isinstance(expression, Mapping) else {}
    lacking = [dimension.name for dimension in dimensions if dimension.name not in named]
    if lacking:
        raise OptionsError(
            f"asset {asset!r}: 'partition_expr' names no column for the dimension {', '.join(lacking)}, as in "
            f'{{"{lacking[0]}": "column"}}'
        )
    points = [
        tuple(
            partitions_def.get_partition_key_from_str(key).keys_by_dimension[dimension.name] for dimension in dimensions
        )
        for key in keys
    ]
    return tuple(
        tuple(
            _cut(expression[dimension.name], dimension.partitions_def, dimension_keys, is_calendar)
            for dimension, dimension_keys in zip(dimensions, box, strict=True)
        )
        for box in _as_boxes(points)
    )


def _shown(value: Any) -> str:
    """Return a value as Python shows it, without numpy's and pandas' names of types."""
    plain = value.item() if isinstance(value, np.generic) else value
    return str(plain) if isinstance(plain, datetime) else repr(plain)


def _as_boxes(points: Sequence[tuple[str, ...]]) -> list[tuple[tuple[str, ...], ...]]:
    """Return products of keys that together contain exactly these points.

    >>> _as_boxes([("a", "1"), ("a", "2"), ("b", "1"), ("b", "2")])
    [(('a', 'b'), ('1', '2'))]
    >>> _as_boxes([("a", "1"), ("a", "2"), ("b", "1")])
    [(('a',), ('1', '2')), (('b',), ('1',))]
    """
    if points and len(points[0]) == 1:
        return [(tuple(point[0] for point in points),)]
    tails: dict[str, list[tuple[str, ...]]] = {}
    for head, *tail in points:
        tails.setdefault(head, []).append(tuple(tail))
    heads_by_tail: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for head, tail in tails.items():
        heads_by_tail.setdefault(tuple(tail), []).append(head)
    return [(tuple(heads), *box) for tail, heads in heads_by_tail.items() for box in _as_boxes(tail)]


def _cut(
    column: str, partitions_def: dg.PartitionsDefinition, keys: Iterable[str], is_calendar: bool
) -> Keys | Windows:
    if not isinstance(partitions_def, dg.TimeWindowPartitionsDefinition):
        return Keys(column, tuple(keys))
    windows: list[tuple[datetime, datetime]] = []
    for window in sorted(map(partitions_def.time_window_for_partition_key, keys), key=lambda window: window.start):
        start, end = (_calendar_date(moment) if is_calendar else moment for moment in (window.start, window.end))
        if windows and windows[-1][1] == start:
            windows[-1] = (windows[-1][0], end)
        else:
            windows.append((start, end))
    return Windows(column, tuple(windows))


def _calendar_date(moment: datetime) -> datetime:
    """Return the wall-clock time of a moment as if it were timezone.utc, as calendar dates are stored."""
    return moment.replace(tzinfo=timezone.utc)
