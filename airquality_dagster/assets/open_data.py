"""``open_data``: files of the whole network, for everybody."""

import time
from datetime import UTC, datetime

import dagster as dg

from airquality_dagster import settings
from airquality_dagster.assets.descriptions import code_references
from airquality_dagster.assets.resources import mongodb_of
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.files.build import write_open_data


def open_data_asset(network: Network, owner: str) -> dg.AssetsDefinition:
    """Return the asset of the network's files of open data."""

    @dg.asset(
        key=asset_key(network.open_data_asset),
        # The function reads the data itself: one station and year after the other.
        deps=[
            *(
                asset_key(asset)
                for station in network.stations
                for asset in (station.raw_asset, *station.derived_assets)
            ),
            *map(asset_key, network.comparison_assets),
        ],
        group_name="open_data",
        kinds={"parquet", "csv"},
        owners=[owner],
        required_resource_keys={network.named("mongodb")},
        metadata=code_references(open_data_asset),
        description=(
            f"Files about the air in {network.network.name}, for everybody: hours, days and periods of each station in "
            "CSV and Parquet, for openair and for a French Excel, with a data package.\n\nOnly files whose content has "
            "changed are written. What is not valid is marked, never left out: `docs/open-data.md`."
        ),
    )
    def open_data(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        begin = time.monotonic()
        folder = settings.open_data_folder(network.key_prefix)
        with mongodb_of(context, network).open_database() as database:
            files = write_open_data(database, network, folder, datetime.now(UTC))
        return dg.MaterializeResult(
            metadata={
                "url": dg.MetadataValue.url(settings.open_data_url(network.key_prefix)),
                "path": dg.MetadataValue.path(files.folder),
                "files_written": dg.MetadataValue.int(files.written),
                "files_unchanged": dg.MetadataValue.int(files.unchanged),
                "files_removed": dg.MetadataValue.int(files.removed),
                "bytes": dg.MetadataValue.int(files.size),
                "stations": dg.MetadataValue.int(files.stations),
                "simulated": dg.MetadataValue.bool(files.is_simulated),
                "seconds": dg.MetadataValue.float(round(time.monotonic() - begin, 3)),
            }
        )

    return open_data
