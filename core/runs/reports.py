"""What was found when files were read, kept as JSON: by file, finding and gap, and how everything was understood."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from core.readings import FileReport, Gap, Issue, Readings
from core.runs.plan import digest

_NUMBERS = ("slot_h", "load_kwh", "solar_kwh")
"""Fields that JSON has as null where they are NaN."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a result says of its readings. findings: what a person should doubt; assumptions: how they were read."""

    findings: tuple[Issue, ...] = ()
    assumptions: tuple[str, ...] = ()

    def to_json(self) -> str:
        """As JSON text; `from_json` reads it back."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Provenance:
        """Read what `to_json` wrote."""
        return msgspec.json.decode(text, type=cls)


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

    @property
    def provenance(self) -> Provenance:
        """What every result made of these readings carries."""
        return Provenance(tuple(issue for issue in self.issues if issue.severity != "note"), self.assumptions)

    def to_json(self) -> str:
        """The report as JSON text: what a person downloads, and what `from_json` reads back."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Read what `to_json` wrote, of this version or an earlier one."""
        found = msgspec.json.decode(text)
        return msgspec.convert({**_defined(found), "files": [_defined(each) for each in found["files"]]}, cls)


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


def digest_of(findings: Sequence[Issue]) -> str:
    """The digest of findings, as the run's transaction has it: SHA-256 of their canonical JSON."""
    return digest([asdict(issue) for issue in findings])


def _defined(document: dict[str, Any]) -> dict[str, Any]:
    return {name: math.nan if value is None and name in _NUMBERS else value for name, value in document.items()}
