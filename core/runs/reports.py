"""What was found when files were read, kept as JSON: by file, finding and gap, and how everything was understood."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from core.readings import FileReport, Gap, Issue, Readings


@dataclass(frozen=True, slots=True)
class Report:
    """A reading without its arrays. Numbers are NaN and times None when it was refused."""

    accepted: bool
    digest: str
    files: tuple[FileReport, ...]
    issues: tuple[Issue, ...]
    assumptions: tuple[str, ...]
    gaps: tuple[Gap, ...]
    household_ids: tuple[str, ...]
    slots: int
    slot_h: float
    start_at: datetime | None
    end_at: datetime | None
    load_kwh: float
    solar_kwh: float
    time_zone: str
    positions: dict[str, tuple[float, float]]

    @property
    def errors(self) -> tuple[Issue, ...]:
        """The findings for which files were refused."""
        return tuple(issue for issue in self.issues if issue.severity == "error")

    def to_json(self) -> str:
        """The report as JSON text: what a person downloads, and what `from_json` reads back."""
        return json.dumps(_plain(asdict(self)), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Read what `to_json` wrote."""
        found = json.loads(text)
        return cls(
            **{
                **found,
                "files": tuple(_file(each) for each in found["files"]),
                "issues": tuple(Issue(**each) for each in found["issues"]),
                "assumptions": tuple(found["assumptions"]),
                "gaps": tuple(Gap(**each) for each in found["gaps"]),
                "household_ids": tuple(found["household_ids"]),
                "slot_h": _number(found["slot_h"]),
                "start_at": _time(found["start_at"]),
                "end_at": _time(found["end_at"]),
                "load_kwh": _number(found["load_kwh"]),
                "solar_kwh": _number(found["solar_kwh"]),
                "positions": {name: (place[0], place[1]) for name, place in found["positions"].items()},
            }
        )


def report_of(readings: Readings, *, digest: str) -> Report:
    """The report of a reading; `digest` is that of the dataset."""
    community = readings.community
    return Report(
        accepted=readings.accepted,
        digest=digest,
        files=readings.files,
        issues=readings.issues,
        assumptions=readings.assumptions,
        gaps=readings.gaps,
        household_ids=() if community is None else community.household_ids,
        slots=0 if community is None else community.slots,
        slot_h=math.nan if community is None else community.slot_h,
        start_at=None if community is None else community.start_at.astimezone(UTC),
        end_at=None if community is None else community.end_at.astimezone(UTC),
        load_kwh=readings.load_kwh,
        solar_kwh=readings.solar_kwh,
        time_zone=readings.time_zone,
        positions=dict(readings.positions),
    )


def _file(document: dict[str, Any]) -> FileReport:
    return FileReport(
        **{
            **document,
            "households": tuple(document["households"]),
            "slot_h": _number(document["slot_h"]),
            "start_at": _time(document["start_at"]),
            "end_at": _time(document["end_at"]),
        }
    )


def _plain(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
