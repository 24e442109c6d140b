"""``README.md`` of the files: what a person must know who has nothing else."""

from collections.abc import Sequence
from typing import Any

from airquality_dagster.network.licences import NO_LICENCE, NO_LICENCE_FR
from airquality_dagster.network.pollutants import PARAMETERS
from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.files.package import NO_LONGER_UPDATED, SIMULATED_TITLE

_EN = """\
# Air quality in {network}
{simulated}
Readings of low-cost stations, hour by hour, and what can be trusted of them. The numbers are indicative: they prove no
compliance with a limit.

- **Licence:** {licence}
- **Name the source as:** {credit}
- **Questions:** {contact}

## Files

Each station has a folder: {stations}. `stations.csv` says where each stood, and when.

| file | what it holds |
| --- | --- |
| `hours-YYYY.csv`, `.parquet` | hours: readings as published, whether each is valid, level, flags, place |
| `days-YYYY.csv`, `.parquet` | local days: means, valid means or the reasons why there is none, indices |
| `periods.csv`, `.parquet` | months and years |
| `openair-YYYY.csv` | valid readings for openair (R) |
| `excel-fr-hours-YYYY.csv`, `excel-fr-days-YYYY.csv` | the same as hours and days, for a French Excel or LibreOffice |
| `comparisons/` | how the two stations of a pair differ, and what may be said |
| `datapackage.json`, `schemas/` | all columns with type, unit and description (Frictionless Data Package) |
| `SHA256SUMS` | checksums: `sha256sum -c SHA256SUMS` |

- **Times.** An hour is named by its start, in UTC; `hours-YYYY` and `openair-YYYY` hold a year of UTC. Days are local
  dates ({zone}); `days-YYYY` holds a local year.
- **Valid.** Use `pm2_5` only where `pm2_5_valid` is true; use `pm2_5_valid_mean` of a day. The same for each reading.
- **Not valid is not missing.** `pm2_5_qc` says: 1 pass, 2 not evaluated, 3 suspect (these three are valid), 4 failed, 9
  missing. Empty: not judged yet. An hour without a row was not delivered by the station.
- **Flags** say why: `off_site` means that the station did not stand at its place. NO2 with `cross_sensitive` mirrors
  ozone: take it for no measure of NO2.
- **Simulated.** `simulated` is true in rows of simulated data.
- **Units:** {units}.

```python
import pandas as pd
hours = pd.read_parquet("{station}/hours-{year}.parquet").set_index("timestamp")
pm2_5 = hours.loc[hours["pm2_5_valid"], "pm2_5"]   # valid PM2.5, µg/m³
```

Files change once a day, and only those whose content changes. A station that left the network keeps its files.
{left}
"""
_FR = """\
# Qualité de l’air à {network} (français)
{simulated}
Mesures horaires de stations à bas coût, et ce qu’on peut en croire. Les valeurs sont indicatives : elles ne prouvent
pas le respect d’une valeur limite.

- **Licence :** {licence}
- **Source à citer :** {credit}
- **Questions :** {contact}
- **Excel, LibreOffice :** ouvrez `excel-fr-days-YYYY.csv` (jours) ou `excel-fr-hours-YYYY.csv` (heures) : séparateur
  point-virgule, virgule décimale.
- **Heures :** début de l’heure, en UTC. **Jours :** dates locales ({zone}).
- **Validité :** n’utilisez `pm2_5` que si `pm2_5_valid` est VRAI, et `pm2_5_valid_mean` pour un jour. `pm2_5_qc` : 1 à
  3 valide, 4 invalide, 9 manquant, vide : pas encore jugé. Une heure sans ligne n’a pas été transmise.
- **Drapeaux :** `off_site` : la station n’était pas à sa place ; `cross_sensitive` : le NO2 reflète l’ozone, ce n’est
  pas une mesure du NO2.
- **Unités :** {units}.
{left}"""


def readme(network: Network, resources: Sequence[dict[str, Any]]) -> str:
    """Return the text, in English and French.

    Args:
        network: whose files they are.
        resources: descriptions of all files.
    """
    facts, licence = network.network, network.network.licence_terms
    simulated = sorted({one["part"].partition("/")[0] for one in resources if one["simulated"]})
    left = sorted({one["path"].rpartition("/")[0] for one in resources if one[NO_LONGER_UPDATED]})
    hours = [one["path"] for one in resources if "/hours-" in one["path"] and one["path"].endswith(".parquet")]
    folders = sorted({path.partition("/")[0] for path in hours})
    station, _, year = (
        (hours[-1] if hours else "station1/hours-YYYY.parquet").removesuffix(".parquet").partition("/hours-")
    )
    known = {
        "network": facts.name,
        "credit": facts.credit,
        "zone": facts.time_zone,
        "units": ", ".join(f"`{one.field}` {one.unit}" for one in PARAMETERS),
        "stations": ", ".join(f"`{folder}`" for folder in folders) or "none yet",
        "station": station,
        "year": year,
    }
    terms = f"[{licence.name}]({licence.url}) ({licence.spdx})" if licence else None
    english = {
        "simulated": _notice(SIMULATED_TITLE, "a sandbox made the readings of", simulated),
        "licence": terms or f"**{NO_LICENCE}**",
        "contact": facts.contact or "no contact is given",
        "left": f"\nNo longer updated: {', '.join(left)}.\n" if left else "",
    }
    french = {
        "simulated": _notice("DONNÉES SIMULÉES, NON MESURÉES", "un simulateur a produit les mesures de", simulated),
        "licence": terms or f"**{NO_LICENCE_FR}**",
        "left": f"- **Plus mis à jour :** {', '.join(left)}.\n" if left else "",
        "contact": facts.contact or "aucun contact n’est indiqué",
    }
    return f"{_EN.format(**known, **english).rstrip()}\n\n{_FR.format(**known, **french)}"


def _notice(title: str, words: str, parts: Sequence[str]) -> str:
    return f"\n> **{title}**: {words} {', '.join(parts)}.\n" if parts else ""
