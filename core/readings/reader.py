"""Files of readings to a Community: read right and said how, or refused naming file, line, column, text and remedy."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import ReadingError
from core.market.community import Community
from core.readings.columns import recognise
from core.readings.combine import Combined, combine
from core.readings.diagnosis import FileReading, diagnose
from core.readings.digest import digest_of
from core.readings.fast import read_clean
from core.readings.foreign import Foreign, read_foreign
from core.readings.gaps import Gap
from core.readings.issues import FileRefused, Findings, Issue, count, plain, quote, some
from core.readings.options import MAX_FILE_BYTES, MAX_FILES, MAX_READINGS, Options
from core.readings.plausibility import check_series
from core.readings.roles import power_role, says, tokens_of
from core.readings.series import Series
from core.readings.source import bytes_of, text_of
from core.readings.tracks import name_of_file

log = logging.getLogger(__name__)

_TOO_MANY = f"intervals times households of the files are more than {MAX_READINGS:,}"


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was found in one file.

    rows: rows of readings. slot_h: its interval in hours, NaN when it was refused. start_at, end_at: aware, UTC.
    how_read: encoding, layout, units and times as they were understood. sha256: of its bytes, "" when never read.
    """

    name: str
    accepted: bool
    households: tuple[str, ...] = ()
    rows: int = 0
    slot_h: float = float("nan")
    start_at: datetime | None = None
    end_at: datetime | None = None
    how_read: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """How files of another layout could be read: best first, each whole.

    profile: meaning of every column and the choices, as JSON. uncertain: what is a guess, in sentences. load_kwh,
    solar_kwh, slots, slot_h, households: what it would give.
    """

    profile: dict[str, Any]
    uncertain: tuple[str, ...]
    load_kwh: float
    solar_kwh: float
    slots: int
    slot_h: float
    households: int


@dataclass(frozen=True, slots=True)
class Readings:
    """The result of reading files.

    accepted: whether there is a community. issues: every finding, errors first. assumptions: how the files were read
    and what was chosen, sentences. digest: of the readings alone, "" when refused. load_kwh, solar_kwh: totals of the
    community. gaps: missing intervals, one entry a household that has any. absent: `[slot, household]`, True where a
    household takes no part. positions: latitude and longitude where known. proposals: for refused files of another
    layout, how they could be read.
    """

    accepted: bool
    community: Community | None
    issues: tuple[Issue, ...]
    assumptions: tuple[str, ...]
    digest: str
    load_kwh: float
    solar_kwh: float
    files: tuple[FileReport, ...]
    gaps: tuple[Gap, ...]
    time_zone: str
    absent: npt.NDArray[np.bool_] | None
    positions: dict[str, tuple[float, float]] = field(default_factory=dict)
    proposals: tuple[Proposal, ...] = ()

    @property
    def errors(self) -> tuple[Issue, ...]:
        """The findings for which files were refused."""
        return tuple(issue for issue in self.issues if issue.severity == "error")

    def require(self) -> Community:
        """The community. Raises ReadingError with the first reason when the files were refused."""
        if self.community is not None:
            return self.community
        first, *others = self.errors
        more = f" ({count(len(others), 'more finding')})" if others else ""
        raise ReadingError(first.message + more, code=first.code)


def read(
    files: Sequence[tuple[str, bytes | Path]],
    options: Options = Options(),  # noqa: B008 - frozen
    *,
    most_files: int = MAX_FILES,
    progress: Callable[[int, int], None] | None = None,
) -> Readings:
    """Read files of (name, content); a Path is opened only when its turn comes and its size is within bounds.

    More than most_files are refused unread. progress is told (files done, files in all). Never raises for what is in
    a file: see `Readings.issues`. Files of another layout than the documented one are read where their columns leave
    one meaning; where something is a guess, they are refused with a proposal, or read so if the options accept it.
    """
    native = None
    if not (options.columns or _needs_meaning(files)):
        native = _read_native(files, options, most_files=most_files, progress=progress)
        if native.accepted or not files or len(files) > most_files or _is_native(native, options):
            return native
    other = _read_foreign(files, options)
    if other is None:
        return native or _read_native(files, options, most_files=most_files, progress=progress)
    foreign, readings = other
    if not readings.accepted:
        return readings if native is None or _says_why(readings, native) else native
    if foreign.doubts and options.proposals == "ask":
        return _proposed(foreign, readings, native)
    return readings


NATIVE_REFUSALS = frozenset(
    ("header_missing", "column_missing", "column_twice", "register", "household_id", "not_a_time", "not_a_number",
     "spreadsheet", "file_type", "web_page", "interval", "interval_changes", "time_twice", "id_from_name", "no_unit",
     "field_count", "ambiguous_date", "unit_missing", "watts", "one_row", "too_many_columns", "no_rows")
)  # fmt: skip
"""Refusals of the documented layout after which another layout is looked for."""


def _is_native(readings: Readings, options: Options) -> bool:
    """Whether the documented layout was meant, so that its refusal stands."""
    codes = {issue.code for issue in readings.errors}
    native_header = not codes & {
        "header_missing",
        "column_missing",
        "column_twice",
        "spreadsheet",
        "file_type",
        "web_page",
    }
    if native_header and options.proposals == "ask" and options.cumulative != "difference":
        return not codes & {"not_a_time", "not_a_number", "register", "time_twice"} or bool(codes - NATIVE_REFUSALS)
    return bool(codes - NATIVE_REFUSALS)


HEADER_REFUSALS = frozenset(("header_missing", "file_type", "spreadsheet", "web_page"))


def _headless(native: Readings) -> bool:
    """Whether the documented layout was not recognised at all."""
    return {issue.code for issue in native.errors} <= HEADER_REFUSALS


PRECISE = frozenset(("negative_load", "no_unit", "grid", "household_twice", "out_of_range"))
"""Refusals that can only come of columns that were understood."""


def _says_why(readings: Readings, native: Readings) -> bool:
    """Whether the refusal of the other layout helps more than that of the documented one."""
    codes = {issue.code for issue in readings.errors}
    understood = {issue.code for issue in native.errors} <= HEADER_REFUSALS | {"column_missing"} and codes & PRECISE
    return bool(understood or (_headless(native) and codes - HEADER_REFUSALS))


def _needs_meaning(files: Sequence[tuple[str, bytes | Path]]) -> bool:
    """Whether names or headers say what the documented layout cannot: half a home a file, a date and an hour apart, or
    a column of solar energy or of the meter under a name that it does not know."""
    return any(_says_more(name, content) for name, content in files)


def _says_more(name: str, content: bytes | Path) -> bool:
    role, home, part = name_of_file(name)
    half_a_home = bool((role and home) or part)
    for line in _head(content).decode("utf-8", "replace").splitlines()[:20]:
        names = [name.strip(' "') for name in re.split(r"[,;\t|]", line)]
        known = {column.role: column.place for column in recognise(names)}
        if not known.keys() >= {"timestamp", "load"}:
            continue
        others = [tokens_of(name) for place, name in enumerate(names) if place not in known.values()]
        if any(says("hour", words) and len(words) == 1 for words in others):
            return True
        meter = any(power_role(words) in ("solar", "export", "net") for words in others)
        return "solar" not in known and (half_a_home or meter)
    return half_a_home


def _head(content: bytes | Path) -> bytes:
    """The first bytes of a file; nothing where it cannot be read, which the reading itself will say."""
    if isinstance(content, bytes):
        return content[:4096]
    try:
        if not content.is_file() or content.stat().st_size > MAX_FILE_BYTES:
            return b""
        with content.open("rb") as file:
            return file.read(4096)
    except OSError:
        return b""


def _read_foreign(files: Sequence[tuple[str, bytes | Path]], options: Options) -> tuple[Foreign, Readings] | None:
    together = Findings("")
    try:
        foreign = read_foreign(files, options, together)
    except FileRefused:
        if not together.refused:
            return None
        return _refused_foreign(together, files, options)
    except (ArithmeticError, LookupError, ValueError):
        log.exception("files of another layout cannot be read")
        return None
    for one in foreign.series:
        check_series(one, together, zone=options.time_zone, stated_zone=foreign.zoned)
    reports = [
        FileReport(
            name=name,
            accepted=True,
            households=tuple(one.household_id for one in foreign.series if name in one.file.split(", ")),
            rows=foreign.rows[name],
            slot_h=foreign.series[0].slot_s / 3600,
            start_at=datetime.fromtimestamp(min(one.start_s for one in foreign.series), UTC),
            end_at=datetime.fromtimestamp(max(one.end_s for one in foreign.series), UTC),
            how_read="; ".join(foreign.notes)[:1000],
            sha256=_sha256(content),
        )
        for name, content in files
    ]
    combined = _combine(list(foreign.series), reports, options, together)
    if combined is not None and foreign.metered:
        metered = np.array([one in foreign.metered for one in combined.community.household_ids])
        combined = replace(combined, community=replace(combined.community, metered=metered))
    said = (*foreign.notes, *foreign.doubts, f"Missing intervals: {options.gap_policy.replace('_', ' ')}.")
    together.warning("other_layout", f"another layout than the documented one: {_meanings(foreign)}")
    for doubt in foreign.doubts:
        together.warning("guessed", doubt.removesuffix("."))
    return foreign, _readings(combined, reports, list(together.all()), said, options)


def _meanings(foreign: Foreign) -> str:
    """The columns that were read, and as what."""
    columns: dict[str, dict[str, str]] = foreign.profile["columns"]
    told = [
        f"{quote(name)} is {meaning['role']}" + (f" in {meaning['unit']}" if "unit" in meaning else "")
        for name, meaning in columns.items()
        if meaning["role"] not in ("ignore", "status")
    ]
    return "; ".join(told[:6]) + (f" and {len(told) - 6} more" if len(told) > 6 else "")


def _refused_foreign(
    together: Findings, files: Sequence[tuple[str, bytes | Path]], options: Options
) -> tuple[Foreign, Readings]:
    reports = [FileReport(name, accepted=False) for name, _ in files]
    return Foreign([], frozenset(), (), (), {}), _readings(None, reports, list(together.all()), (), options)


def _sha256(content: bytes | Path) -> str:
    data = content if isinstance(content, bytes) else content.read_bytes()
    return hashlib.sha256(data).hexdigest()


def _proposed(foreign: Foreign, readings: Readings, native: Readings | None) -> Readings:
    """Refused, with the proposal: nothing is read on a guess."""
    community = readings.require()
    proposal = Proposal(
        profile=foreign.profile,
        uncertain=foreign.doubts,
        load_kwh=readings.load_kwh,
        solar_kwh=readings.solar_kwh,
        slots=community.slots,
        slot_h=community.slot_h,
        households=community.households,
    )
    together = Findings("")
    together.error(
        "proposal",
        f"the files can be read, but something is a guess: {foreign.doubts[0].removesuffix('.')}",
        fix="look at the proposal and accept it, or say what the columns mean",
    )
    kept = [issue for issue in readings.issues if issue.severity != "error"]
    reports = [replace(report, accepted=False) for report in readings.files]
    found = Readings(
        accepted=False,
        community=None,
        issues=(*together.all(), *kept),
        assumptions=readings.assumptions,
        digest="",
        load_kwh=float("nan"),
        solar_kwh=float("nan"),
        files=tuple(reports),
        gaps=(),
        time_zone=readings.time_zone,
        absent=None,
        proposals=(proposal,),
    )
    return found if native is None or _headless(native) else replace(native, proposals=found.proposals)


def _read_native(
    files: Sequence[tuple[str, bytes | Path]],
    options: Options,
    *,
    most_files: int,
    progress: Callable[[int, int], None] | None,
) -> Readings:
    together = Findings("")
    reports: list[FileReport] = []
    series: list[Series] = []
    issues: list[Issue] = []
    hows: dict[str, list[str]] = {}
    kept = 0
    if not files:
        together.error("no_files", "no file was given", fix="give one CSV a household")
    if len(files) > most_files:
        together.error("too_many_files", f"{len(files):,} files, above the limit of {most_files:,}", fix="give fewer")
        files = []
    for done, (name, content) in enumerate(files, start=1):
        findings = Findings(name)
        report, found = _read_file(content, findings, options)
        reports.append(report)
        kept += sum(len(one.load_kw) for one in found)
        if kept > MAX_READINGS:
            together.error("too_many_readings", _TOO_MANY, fix="give a shorter span or fewer households")
            break
        series.extend(found)
        issues.extend(findings.all())
        if report.accepted:
            hows.setdefault(report.how_read, []).append(name)
        if progress is not None:
            progress(done, len(files))
    combined = _combine(series, reports, options, together)
    return _readings(combined, reports, [*together.all(), *issues], _assumptions(hows, options), options)


def _read_file(content: bytes | Path, findings: Findings, options: Options) -> tuple[FileReport, tuple[Series, ...]]:
    sha256 = ""
    try:
        data = bytes_of(content, findings)
        sha256 = hashlib.sha256(data).hexdigest()
        reading = read_clean(data, findings, options) or _diagnose(data, findings, options)
    except FileRefused:
        return FileReport(findings.file, accepted=False, sha256=sha256), ()
    except (ArithmeticError, LookupError, ValueError) as error:  # whatever a file holds, it ends in a sentence
        log.exception("a file cannot be read")
        findings.error("unreadable", f"cannot be read ({type(error).__name__})", fix="export it again")
        return FileReport(findings.file, accepted=False, sha256=sha256), ()
    for one in reading.series:
        check_series(one, findings, zone=options.time_zone, stated_zone=reading.stated_zone)
    if len(reading.series) > 1:
        names = [one.household_id for one in reading.series]
        findings.note("several_households", f"{count(len(names), 'household')} in one file: {some(names)}")
    return _report(reading, findings, sha256), reading.series


def _diagnose(data: bytes, findings: Findings, options: Options) -> FileReading:
    text, encoding = text_of(data, findings)
    return diagnose(text, encoding, findings, options=options)


def _report(reading: FileReading, findings: Findings, sha256: str) -> FileReport:
    first = reading.series[0]
    return FileReport(
        name=findings.file,
        accepted=True,
        households=tuple(one.household_id for one in reading.series),
        rows=reading.rows,
        slot_h=first.slot_s / 3600,
        start_at=datetime.fromtimestamp(first.start_s, UTC),
        end_at=datetime.fromtimestamp(first.end_s, UTC),
        how_read=reading.how,
        sha256=sha256,
    )


def _combine(series: list[Series], reports: list[FileReport], options: Options, together: Findings) -> Combined | None:
    """The community, or None when a file or the whole was refused."""
    bad = [report.name for report in reports if not report.accepted]
    if bad and series and options.bad_files == "skip":
        together.warning("files_skipped", f"{count(len(bad), 'refused file')} left out: {some(bad)}")
    elif bad or together.refused or not series:
        return None
    try:
        combined = combine(series, options, together)
    except FileRefused:
        return None
    _check_community(combined, options, together)
    return combined


def _check_community(combined: Combined, options: Options, together: Findings) -> None:
    """What a person should know about the homes together."""
    community = combined.community
    if not (community.solar_kw > community.load_kw).any():
        together.warning("no_surplus", "no surplus in any interval: nobody has solar energy to sell")
    lost = [household_id for household_id in community.household_ids if household_id not in combined.positions]
    if lost:
        what = f"no position: distance-based features off for {some(lost)}, sunlight at night not checked"
        together.warning("no_position", what)
    unknown = sorted(set(options.pv_kw) - set(community.household_ids))
    if unknown:
        together.warning("pv_of_nobody", f"installed PV is given for {some(unknown)}, not among the households")


def _readings(
    combined: Combined | None,
    reports: list[FileReport],
    issues: list[Issue],
    assumptions: tuple[str, ...],
    options: Options,
) -> Readings:
    rank = {"error": 0, "warning": 1, "note": 2}
    ordered = tuple(sorted(issues, key=lambda issue: rank[issue.severity]))
    community = combined.community if combined is not None else None
    log.info("read %d files: accepted=%s findings=%d", len(reports), combined is not None, len(ordered))
    return Readings(
        accepted=combined is not None,
        community=community,
        issues=ordered,
        assumptions=assumptions,
        digest=digest_of(combined.community, combined.absent) if combined is not None else "",
        load_kwh=float(community.load_kw.sum() * community.slot_h) if community is not None else float("nan"),
        solar_kwh=float(community.solar_kw.sum() * community.slot_h) if community is not None else float("nan"),
        files=tuple(reports),
        gaps=combined.gaps if combined is not None else (),
        time_zone=options.time_zone,
        absent=combined.absent if combined is not None else None,
        positions=combined.positions if combined is not None else {},
    )


def _assumptions(hows: dict[str, list[str]], options: Options) -> tuple[str, ...]:
    """How the files were read, one sentence a way, and the choices that applied."""
    total = sum(len(names) for names in hows.values())
    said = [
        f"{'All files' if len(names) == total > 1 else some([plain(name) for name in names], 3)}: {how}."
        for how, names in hows.items()
    ]
    said.append(f"Missing intervals: {options.gap_policy.replace('_', ' ')}.")
    said.append("A reading is the mean power over the interval that starts at its time.")
    return tuple(said)
