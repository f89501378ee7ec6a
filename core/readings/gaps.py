"""Missing intervals are reported, and filled only the way the person chose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.market.community import FloatArray
from core.readings.issues import Findings, count
from core.readings.options import Options
from core.readings.zones import wall_clock

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Gap:
    """The missing intervals of one household.

    missing: slots without a reading. longest: most of them in a row. first_s: UTC second of the first.
    longest_s: UTC second at which the longest run starts. filled: slots that the policy filled.
    """

    household_id: str
    missing: int
    longest: int
    first_s: int
    longest_s: int
    filled: int


def close_gaps(
    ids: list[str],
    load: FloatArray,
    solar: FloatArray,
    *,
    files: dict[str, str],
    start_s: int,
    slot_s: int,
    options: Options,
    findings: Findings,
) -> tuple[list[str], FloatArray, FloatArray, BoolArray, tuple[Gap, ...]]:
    """Treat the NaN of load and solar `[slot, household]` as the options say; changes both in place.

    Returns ids, load, solar, absent and the gaps. Raises FileRefused when the policy refuses, or drops everyone.
    """
    absent = np.isnan(load)
    holes = np.nonzero(absent.any(axis=0))[0]
    gaps = []
    for household in holes:
        if absent[:, household].all() and options.gap_policy != "drop":
            what = f"{ids[household]} has no reading within the common span"
            fix = "leave the file out, or give files of one span"
            findings.error("nothing_in_span", what, fix=fix, file=files[ids[household]])
            continue
        gap = _measure(ids[household], absent[:, household], start_s, slot_s)
        if options.gap_policy in ("hold", "interpolate"):
            filled = _fill(load[:, household], solar[:, household], absent[:, household], options)
            gap = Gap(gap.household_id, gap.missing, gap.longest, gap.first_s, gap.longest_s, filled)
        gaps.append(gap)
        _say(gap, files[gap.household_id], options, findings)
    findings.stop_if_refused()
    if gaps and options.gap_policy == "drop":
        keep = np.setdiff1d(np.arange(len(ids)), holes)
        if keep.size == 0:
            raise findings.refusal(
                "nobody_left", "every household has missing intervals and was dropped", fix="choose another way"
            )
        ids, load, solar, absent = [ids[i] for i in keep], load[:, keep], solar[:, keep], absent[:, keep]
    load[absent] = 0.0
    solar[absent] = 0.0
    return ids, load, solar, absent, tuple(gaps)


def _measure(household_id: str, absent: BoolArray, start_s: int, slot_s: int) -> Gap:
    starts, lengths = _runs(absent)
    longest = int(np.argmax(lengths))
    return Gap(
        household_id,
        int(lengths.sum()),
        int(lengths[longest]),
        start_s + int(starts[0]) * slot_s,
        start_s + int(starts[longest]) * slot_s,
        0,
    )


def _runs(absent: BoolArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Starts and lengths of the runs of True."""
    edges = np.diff(np.concatenate(([0], absent.astype(np.int8), [0])))
    starts = np.nonzero(edges == 1)[0]
    return starts, np.nonzero(edges == -1)[0] - starts


def _fill(load: FloatArray, solar: FloatArray, absent: BoolArray, options: Options) -> int:
    """Fill in place what the policy fills, clear it in `absent`, and return how many slots that was."""
    filled = 0
    for start, length in zip(*_runs(absent), strict=True):
        end = start + length
        if start == 0 or (
            options.gap_policy == "interpolate" and (length > options.interpolate_slots or end == len(load))
        ):
            continue
        for values in (load, solar):
            if options.gap_policy == "hold":
                values[start:end] = values[start - 1]
            else:
                values[start:end] = np.linspace(values[start - 1], values[end], length + 2)[1:-1]
        absent[start:end] = False
        filled += int(length)
    return filled


def _say(gap: Gap, file: str, options: Options, findings: Findings) -> None:
    zone = options.zone
    what = f"{gap.household_id} has {count(gap.missing, 'missing interval')}: {wall_clock(gap.first_s, zone)}"
    if gap.missing > 1:
        what += f" first, the longest run {count(gap.longest, 'interval')} from {wall_clock(gap.longest_s, zone)}"
    if options.gap_policy == "refuse":
        findings.error("gap", what, fix="choose what to do with missing intervals", file=file)
        return
    left = gap.missing - gap.filled
    rest = f"; it takes no part in {left:,}" if left else ""
    done = {
        "leave_out": "it takes no part there",
        "drop": "the household is dropped",
        "hold": f"the last value held in {gap.filled:,}{rest}",
        "interpolate": f"filled in a straight line in {gap.filled:,}{rest}",
    }[options.gap_policy]
    findings.warning("gap", f"{what}; {done}", file=file)
