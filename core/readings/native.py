"""A community written out as native CSV or as Parquet reads back equal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from core.errors import ReadingError
from core.market.community import Community
from core.readings.digest import digest_of
from core.readings.reader import Readings

HEADER = "timestamp,household_id,load_kW,solar_kW"
POSITION_HEADER = ",latitude,longitude"

BoolArray = npt.NDArray[np.bool_]


def to_csv(
    readings: Readings | Community,
    *,
    time_zone: str | None = None,
    positions: Mapping[str, tuple[float, float]] | None = None,
) -> list[tuple[str, bytes]]:
    """One native file a household: (name, content).

    Times are UTC and say so (2024-06-01T04:30:00Z), or plain times of `time_zone` when one is given. A slot in which a
    household is absent has empty cells. positions: latitude and longitude of households, for two more columns.
    """
    community, absent = _parts(readings)
    if positions is None and isinstance(readings, Readings):
        positions = readings.positions
    times = _times(community, time_zone)
    files = []
    for at, household_id in enumerate(community.household_ids):
        position = (positions or {}).get(household_id)
        tail = "" if position is None else f",{position[0]!r},{position[1]!r}"
        load, solar = (power[:, at] + 0.0 for power in (community.load_kw, community.solar_kw))
        lines = [
            f"{t},{household_id},{a!r},{b!r}{tail}"
            for t, a, b in zip(times, load.tolist(), solar.tolist(), strict=True)
        ]
        for slot in np.nonzero(absent[:, at])[0]:
            lines[slot] = f"{times[slot]},{household_id},,{tail}"
        header = HEADER + (POSITION_HEADER if position is not None else "")
        files.append((f"{household_id}.csv", "\n".join([header, *lines, ""]).encode()))
    return files


def to_parquet(readings: Readings | Community) -> bytes:
    """One row a slot and household (timestamp UTC, household_id, load_kw, solar_kw, absent), slots first.

    The file's metadata keeps slot length, ids, installed PV, time zone, positions and the digest.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    community, absent = _parts(readings)
    slots, households = community.slots, community.households
    ids = pa.DictionaryArray.from_arrays(
        np.tile(np.arange(households, dtype=np.int32), slots), pa.array(community.household_ids, pa.string())
    )
    table = pa.table(
        {
            "timestamp": pa.array(np.repeat(community.slot_starts(), households)).cast(pa.timestamp("ms", "UTC")),
            "household_id": ids,
            "load_kw": community.load_kw.ravel(),
            "solar_kw": community.solar_kw.ravel(),
            "absent": absent.ravel(),
        }
    )
    kept = {
        "start_ms": round(community.start_at.timestamp() * 1000),
        "slot_ms": round(community.slot_h * 3_600_000),
        "household_ids": list(community.household_ids),
        "pv_kw": [None if np.isnan(kw) else kw for kw in community.pv_kw.tolist()],
        "time_zone": readings.time_zone if isinstance(readings, Readings) else None,
        "positions": dict(readings.positions) if isinstance(readings, Readings) else {},
        "metered": [one for one, only in zip(community.household_ids, community.metered, strict=True) if only],
        "digest": digest_of(community, absent),
    }
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({"readings": json.dumps(kept)}), sink, compression="zstd")
    return bytes(sink.getvalue())


def from_parquet(content: bytes) -> Community:
    """The community in a file of `to_parquet`. Raises ReadingError when it is another file, or was changed."""
    return with_absences(content)[0]


def with_absences(content: bytes) -> tuple[Community, BoolArray]:
    """The community in a file of `to_parquet` and who is absent when, `[slot, household]`.

    Raises ReadingError when it is another file, or was changed.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(content))
        kept: dict[str, Any] = json.loads(table.schema.metadata[b"readings"])
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise ReadingError("This is no Parquet file of readings.", fix="Upload the CSV files again.") from error
    shape = (-1, len(kept["household_ids"]))
    community = Community(
        household_ids=tuple(kept["household_ids"]),
        start_at=datetime.fromtimestamp(kept["start_ms"] / 1000, UTC),
        slot_h=kept["slot_ms"] / 3_600_000,
        load_kw=table["load_kw"].to_numpy().reshape(shape),
        solar_kw=table["solar_kw"].to_numpy().reshape(shape),
        pv_kw=np.array([np.nan if kw is None else kw for kw in kept["pv_kw"]]),
        metered=np.array([one in kept.get("metered", ()) for one in kept["household_ids"]]),
        positions=np.array([kept.get("positions", {}).get(one, (np.nan, np.nan)) for one in kept["household_ids"]]),
    )
    absent = table["absent"].to_numpy().reshape(shape)
    if digest_of(community, absent) != kept["digest"]:
        raise ReadingError("The Parquet copy of the readings was changed.", fix="Upload the CSV files again.")
    return community, absent


def _parts(readings: Readings | Community) -> tuple[Community, BoolArray]:
    if isinstance(readings, Community):
        return readings, np.zeros((readings.slots, readings.households), dtype=bool)
    community = readings.require()
    assert readings.absent is not None
    return community, readings.absent


def _times(community: Community, time_zone: str | None) -> list[str]:
    starts = community.slot_starts().astype("datetime64[s]")
    if time_zone is None:
        return [f"{start}Z" for start in starts.astype(str)]
    zone = ZoneInfo(time_zone)
    seconds = starts.astype(np.int64).tolist()
    return [datetime.fromtimestamp(second, zone).strftime("%Y-%m-%d %H:%M:%S") for second in seconds]
