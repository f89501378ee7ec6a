"""One name for a set of readings, the same whatever files, order, separator or encoding they came in."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from core.market.community import Community


def digest_of(community: Community, absent: npt.NDArray[np.bool_] | None = None) -> str:
    """SHA-256, hex, over start, slot length and each household's id, load, solar and absences, in the order of ids.

    Numbers are hashed as little-endian doubles (−0 as 0), times as milliseconds UTC. Installed PV is no reading.
    """
    start_ms = round(community.start_at.timestamp() * 1000)
    slot_ms = round(community.slot_h * 3_600_000)
    whole = hashlib.sha256(f"readings 1 {start_ms} {slot_ms} {community.slots}\n".encode())
    for at in sorted(range(community.households), key=lambda i: community.household_ids[i]):
        whole.update(f"{community.household_ids[at]}\n".encode())
        for power in (community.load_kw, community.solar_kw):
            whole.update((power[:, at] + 0.0).astype("<f8").tobytes())
        missing = np.nonzero(absent[:, at])[0] if absent is not None else np.empty(0, dtype=np.int64)
        whole.update(missing.astype("<i8").tobytes() + b"\n")
    return whole.hexdigest()
