"""Tables written and read through Dagster, for the tests of the IO manager."""

from functools import cache
from typing import Any

import dagster as dg
import pandas as pd
from dagster_mongodb import MongoDBIOManager

with dg.build_resources({}) as _resources:
    # Without resources, Dagster makes an instance for each context that is built, which takes 80 ms.
    NO_RESOURCES = _resources
TEXT_DTYPE = str(pd.Series(["text"]).dtype)  # object up to pandas 2, str since pandas 3
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def table(
    name: str = "table", *, partitions_def: dg.PartitionsDefinition | None = None, **metadata: Any
) -> dg.AssetSpec:
    """Return the spec of a table."""
    return dg.AssetSpec(name, partitions_def=partitions_def, metadata=metadata)


def write(manager: MongoDBIOManager, spec: dg.AssetSpec, frame: Any, **run: Any) -> dict[str, Any]:
    """Materialize a table from a frame and return the plain metadata of the materialization.

    Args:
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
    """Write content as an output of a table without partitions, without a run."""
    context = dg.build_output_context(
        name="result",
        asset_key=dg.AssetKey("table"),
        definition_metadata=metadata,
        run_id=run_id,
        resources=NO_RESOURCES,
    )
    manager.handle_output(context, content)
    return {name: getattr(value, "value", value) for name, value in context.get_logged_metadata().items()}


def read_directly(
    manager: MongoDBIOManager, kind: Any, *, of_input: dict[str, Any] | None = None, **metadata: Any
) -> Any:
    """Return what an input with an annotation receives of a table without partitions, without a run.

    Args:
        of_input: metadata of the input.
        metadata: of the asset.
    """
    key = dg.AssetKey("table")
    context = dg.InputContext(  # build_input_context takes no NO_RESOURCES
        asset_key=key,
        upstream_output=dg.build_output_context(
            name="result", asset_key=key, definition_metadata=metadata, resources=NO_RESOURCES
        ),
        dagster_type=dg.DagsterType(lambda _, __: True, name="kind", typing_type=kind),
        definition_metadata=of_input or {},
        resources=NO_RESOURCES,
        instance=shared_instance(),
    )
    return manager.load_input(context)


def materialize(manager: MongoDBIOManager, assets: list, partition_range: tuple[str, str] | None = None, **run: Any):
    """Run assets quietly; a failure raises."""
    if partition_range:
        run["tags"] = {
            "dagster/asset_partition_range_start": partition_range[0],
            "dagster/asset_partition_range_end": partition_range[1],
        }
    run.setdefault("instance", shared_instance())
    return dg.materialize(assets, resources={"io_manager": manager}, run_config=QUIET, **run)


@cache
def shared_instance() -> dg.DagsterInstance:
    """Return the instance of all runs that do not bring their own."""
    return dg.DagsterInstance.ephemeral()


def counts(metadata: dict[str, Any]) -> tuple[int, int, int, int]:
    """Return inserted, revised, unchanged, deleted."""
    return tuple(metadata[name] for name in ("inserted", "revised", "unchanged", "deleted"))  # pyright: ignore[reportReturnType]
