"""Dagster's keys of named assets. In a name, a dot separates the key prefix."""

import dagster as dg


def asset_key(name: str) -> dg.AssetKey:
    """Return the key of an asset.

    >>> asset_key("raw_station1"), asset_key("abidjan.raw_station1")
    (AssetKey(['raw_station1']), AssetKey(['abidjan', 'raw_station1']))
    """
    return dg.AssetKey(name.split("."))


def asset_name(key: dg.AssetKey) -> str:
    """Return the name of the asset with this key."""
    return ".".join(key.path)


def step_key(name: str) -> str:
    """Return the key of the step that computes an asset, or of the step with this name.

    >>> step_key("abidjan.raw_station1")
    'abidjan__raw_station1'
    """
    return name.replace(".", "__")
