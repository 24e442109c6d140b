"""Assets that are written in parts, and tables per partition."""

from collections.abc import Iterator

import dagster as dg
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from dagster_mongodb import DataFrameChunks, MongoDBIOManager, UnstorableError
from dagster_mongodb.handlers import spool
from dagster_mongodb.handlers.dataframes import DataFrameRows
from dagster_mongodb.handlers.partitions import PartitionedRows
from dagster_mongodb.handlers.registry import handler_of
from dagster_mongodb.handlers.spool import SpooledRows

from dagster_mongodb_tests.tables import counts, materialize, read, read_directly, table, write, write_directly

FRAME = pd.DataFrame(
    {
        "id": np.arange(25),
        "x": np.linspace(0, 1, 25),
        "when": pd.date_range("2024-01-01", periods=25, freq="h", tz="UTC").as_unit("ms"),
        "text": [f"t{number}" for number in range(25)],
        "a.b": range(25),
    }
)


def in_chunks(frame: pd.DataFrame, size: int = 10) -> Iterator[pd.DataFrame]:
    return (frame.iloc[start : start + size].reset_index(drop=True) for start in range(0, len(frame), size))


def spooled(*frames: pd.DataFrame, primary_key: tuple[str, ...] = ()) -> SpooledRows:
    return SpooledRows(
        [(f"chunk {n}", DataFrameRows(frame, primary_key)) for n, frame in enumerate(frames)], primary_key
    )


@pytest.mark.parametrize(
    "metadata", [{}, {"primary_key": "id"}, {"primary_key": ["id", "a.b"], "keep_revisions": True}]
)
def test_chunks_are_written_as_the_whole_frame_is(io_manager, metadata):
    assert counts(write_directly(io_manager, DataFrameChunks(in_chunks(FRAME)), **metadata)) == (25, 0, 0, 0)
    pd.testing.assert_frame_equal(read_directly(io_manager, pd.DataFrame, **metadata), FRAME)
    assert counts(write_directly(io_manager, FRAME, **metadata)) == (0, 0, 25, 0)
    shorter = DataFrameChunks([FRAME[:10], FRAME[10:20].assign(x=9.5).reset_index(drop=True)])
    changed = counts(write_directly(io_manager, shorter, **metadata))
    assert changed == ((0, 10, 10, 5) if metadata else (20, 0, 0, 25))


def test_chunks_that_are_read_can_be_returned(mongodb_uri, database):
    manager = MongoDBIOManager(uri=mongodb_uri, database=database.name, batch_size=10)
    received: list[pd.DataFrame] = []

    @dg.asset(metadata={"primary_key": "id"})
    def readings() -> DataFrameChunks:
        return DataFrameChunks(in_chunks(FRAME))

    @dg.asset(metadata={"primary_key": "id"})
    def doubled(readings: DataFrameChunks) -> DataFrameChunks:
        return DataFrameChunks(chunk.assign(x=chunk["x"] * 2) for chunk in readings)

    @dg.asset(metadata={"primary_key": "id"})
    def copied(doubled: DataFrameChunks) -> DataFrameChunks:
        return doubled

    @dg.asset
    def reader(copied: DataFrameChunks) -> None:
        received.extend([pd.concat(copied, ignore_index=True), pd.concat(copied, ignore_index=True)])

    materialize(manager, [readings, doubled, copied, reader])
    for frame in received:
        pd.testing.assert_frame_equal(frame, FRAME.assign(x=FRAME["x"] * 2))


def test_nothing_is_written_unless_all_chunks_can_be_stored(io_manager, database):
    bad = FRAME[:3].assign(when=FRAME["when"].dt.tz_localize(None))
    with pytest.raises(UnstorableError, match="chunk 1: column 'when' holds dates without a time zone"):
        write_directly(io_manager, DataFrameChunks([FRAME, bad]))
    with pytest.raises(UnstorableError, match="chunk 1 is list, not a pandas.DataFrame"):
        write_directly(io_manager, DataFrameChunks([FRAME, []]))  # pyright: ignore[reportArgumentType]
    with pytest.raises(UnstorableError, match="rows 3 and 25 have the same primary key"):
        write_directly(io_manager, DataFrameChunks([FRAME, FRAME[3:5].reset_index(drop=True)]), primary_key="id")
    with pytest.raises(ZeroDivisionError):
        write_directly(io_manager, DataFrameChunks(FRAME if n else FRAME.head(1 // n) for n in (1, 0)))
    assert database.list_collection_names() == []


def test_frames_of_a_generator_are_never_taken_for_none():
    chunks = DataFrameChunks(in_chunks(FRAME))
    assert len(list(chunks)) == 3
    with pytest.raises(UnstorableError, match="iterated over before"):
        list(chunks)


def test_chunks_of_other_columns_and_dtypes_are_one_asset(io_manager):
    first, second = pd.DataFrame({"id": [1], "x": [1]}), pd.DataFrame({"id": [2], "x": [1.5], "y": ["a"]})
    write_directly(io_manager, DataFrameChunks([first, second]), primary_key="id")
    stored = read_directly(io_manager, pd.DataFrame, primary_key="id")
    assert (stored["x"].tolist(), str(stored["x"].dtype), stored["y"].tolist()[1]) == ([1.0, 1.5], "float64", "a")


def test_no_chunk_is_an_empty_asset(io_manager):
    write_directly(io_manager, FRAME, primary_key="id")
    assert counts(write_directly(io_manager, DataFrameChunks([]), primary_key="id")) == (0, 0, 0, 25)


def test_chunks_are_cut_by_partitions_like_frames(io_manager):
    days = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-05")
    spec = table(partitions_def=days, partition_expr="when", primary_key="when")
    first = FRAME[:24].reset_index(drop=True)
    write(io_manager, spec, DataFrameChunks(in_chunks(first)), partition_key="2024-01-01")
    with pytest.raises(Exception, match="1 of 25 rows lie outside the partition"):
        write(io_manager, spec, DataFrameChunks(in_chunks(FRAME)), partition_key="2024-01-01")
    pd.testing.assert_frame_equal(read(io_manager, spec), first)


def test_rows_of_a_spool_are_those_of_their_parts(monkeypatch):
    monkeypatch.setattr(spool, "_READ_AT_ONCE_BYTES", 100)
    monkeypatch.setattr(spool, "_KEPT_IN_MEMORY_BYTES", 500)
    whole = DataFrameRows(FRAME, ("id",))
    whole.check(max_bytes=2**24, batch_size=7)
    rows = spooled(*in_chunks(FRAME), primary_key=("id",))
    rows.check(max_bytes=2**24, batch_size=7)
    assert len(rows) == 25
    assert rows.encoded(range(25)) == whole.encoded(range(25))
    assert rows.encoded(range(9, 12)) == whole.encoded(range(9, 12))
    assert rows.encoded([20, 3]) == whole.encoded([20, 3])
    assert rows.encoded(range(5, 5)) == []
    assert rows.sizes().tolist() == list(map(len, whole.encoded(range(25))))
    pd.testing.assert_frame_equal(rows.frame([*map(str, FRAME)]), FRAME)
    assert rows.dotted_names == {"a.b"}
    with pytest.raises(UnstorableError, match="row 10 .* is larger than a document may be"):
        rows.check(max_bytes=20, batch_size=7)


def test_fields_of_nested_documents_are_columns_of_a_spool():
    rows = spooled(pd.DataFrame({"address": [{"city": "Oslo"}, None]}))
    assert rows.frame(["address.city"])["address.city"].tolist()[0] == "Oslo"


@pytest.mark.parametrize("size", [10, 1000])
def test_batches_of_arrow_are_written_as_the_whole_table_is(io_manager, size):
    content = pa.table(
        {"id": pa.array(range(25), pa.int16()), "text": pa.array(["a", None] * 12 + ["b"]).dictionary_encode()}
    )

    def reader() -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(content.schema, content.to_batches(max_chunksize=size))

    assert counts(write_directly(io_manager, reader(), primary_key="id")) == (25, 0, 0, 0)
    assert read_directly(io_manager, pa.Table, primary_key="id").equals(content)
    assert read_directly(io_manager, pa.RecordBatchReader, primary_key="id").read_all().equals(content)
    assert counts(write_directly(io_manager, content, primary_key="id")) == (0, 0, 25, 0)


def test_batches_without_rows_keep_their_types(io_manager):
    schema = pa.schema([("id", pa.int16()), ("text", pa.large_string())])
    write_directly(io_manager, pa.RecordBatchReader.from_batches(schema, []), primary_key="id")
    assert read_directly(io_manager, pa.Table, primary_key="id").schema.equals(schema)


def test_tables_of_several_partitions_are_written_together(io_manager):
    keys = dg.StaticPartitionsDefinition(["a", "b", "c"])
    spec = table(partitions_def=keys, partition_expr="key", primary_key="id")
    tables = {
        "a": pd.DataFrame({"id": [1, 2], "key": "a"}),
        "b": pl.DataFrame({"id": [3], "key": ["b"]}),
    }
    write(io_manager, spec, tables, partition_range=("a", "b"))
    assert read(io_manager, spec).to_dict("list") == {"id": [1, 2, 3], "key": ["a", "a", "b"]}
    rows = handler_of(tables, has_partitions=True).rows(tables, ["id"])  # pyright: ignore[reportOptionalMemberAccess]
    assert isinstance(rows, PartitionedRows)
    assert rows.rows_of == {"a": range(2), "b": range(2, 3)}
    with pytest.raises(UnstorableError, match="partition 'b': column 'bad' is complex"):
        write(io_manager, spec, {**tables, "b": pd.DataFrame({"id": [1], "bad": [1j]})}, partition_range=("a", "b"))
