"""A tiny invented domain for the IO manager's tests: frames written and read by way of Dagster."""

from typing import Any

import dagster as dg
import pandas as pd
from dagster_mongodb import MongoDBIOManager

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def table(
    name: str = "table", *, partitions_def: dg.PartitionsDefinition | None = None, **metadata: Any
) -> dg.AssetSpec:
    """Return the spec of a table."""
    return dg.AssetSpec(name, partitions_def=partitions_def, metadata=metadata)


def write(manager: MongoDBIOManager, spec: dg.AssetSpec, frame: Any, **run: Any) -> dict[str, Any]:
    """Materialize a table from a frame and return the plain metadata of the materialization.

    Parameters:
        run: ``partition_key``, or ``partition_range`` (first, last), and ``instance``.
    """
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)

        @dg.asset(
            key=spec.key,
            partitions_def=spec.partitions_def,
            metadata=spec.metadata,
            backfill_policy=dg.BackfillPolicy.single_run() if spec.partitions_def else None,
        )
        def asset():
            return frame

    result = materialize(manager, [asset], **run)
    (event, *_) = result.asset_materializations_for_node(asset.op.name)
    return {name: value.value for name, value in event.metadata.items()}


def read(
    manager: MongoDBIOManager,
    spec: dg.AssetSpec,
    *,
    partitions_def: dg.PartitionsDefinition | None = None,
    mapping: dg.PartitionMapping | None = None,
    columns: list[str] | None = None,
    **run: Any,
) -> pd.DataFrame:
    """Return the frame that a downstream asset receives of a table."""
    received: list[pd.DataFrame] = []

    @dg.asset(
        name="reader",
        partitions_def=partitions_def,
        ins={
            "frame": dg.AssetIn(spec.key, partition_mapping=mapping, metadata={"columns": columns} if columns else None)
        },
    )
    def reader(frame: pd.DataFrame) -> None:
        received.append(frame)

    upstream = dg.AssetSpec(spec.key, partitions_def=spec.partitions_def, metadata=spec.metadata)
    materialize(manager, [upstream, reader], selection=[reader], **run)
    return received[0]


def write_directly(manager: MongoDBIOManager, content: Any, *, run_id: str = "run", **metadata: Any) -> dict[str, Any]:
    """Hand content to the IO manager as an output of a table without partitions: no run, a tenth of the time."""
    context = dg.build_output_context(
        name="result", asset_key=dg.AssetKey("table"), definition_metadata=metadata, run_id=run_id
    )
    manager.handle_output(context, content)
    return {name: getattr(value, "value", value) for name, value in context.get_logged_metadata().items()}


def read_directly(
    manager: MongoDBIOManager, kind: Any, *, of_input: dict[str, Any] | None = None, **metadata: Any
) -> Any:
    """Return what the IO manager hands to an input that is annotated with a type.

    Args:
        of_input: metadata of the input.
        metadata: of the asset.
    """
    key = dg.AssetKey("table")
    context = dg.build_input_context(
        asset_key=key,
        upstream_output=dg.build_output_context(name="result", asset_key=key, definition_metadata=metadata),
        dagster_type=dg.PythonObjectDagsterType(kind),
        definition_metadata=of_input or {},
    )
    return manager.load_input(context)


def materialize(manager: MongoDBIOManager, assets: list, partition_range: tuple[str, str] | None = None, **run: Any):
    """Run assets quietly; a failure raises."""
    if partition_range:
        run["tags"] = {
            "dagster/asset_partition_range_start": partition_range[0],
            "dagster/asset_partition_range_end": partition_range[1],
        }
    return dg.materialize(assets, resources={"io_manager": manager}, run_config=QUIET, **run)


def counts(metadata: dict[str, Any]) -> tuple[int, int, int, int]:
    """Return inserted, revised, unchanged, deleted."""
    return tuple(metadata[name] for name in ("inserted", "revised", "unchanged", "deleted"))  # pyright: ignore[reportReturnType]
