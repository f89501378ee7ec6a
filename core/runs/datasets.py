"""Datasets: what people upload is read once, kept as it came, and belongs to them.

A dataset that is extended gets a new digest; readings of every digest it ever had stay as long as it does, so runs made
before can be repeated. The order of writes: files, then readings, then one database transaction with its audit record.
What a crash leaves in between is a file that nobody knows of.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.errors import ConflictError, InputError, NotFoundError, TooLargeError
from core.market.community import Community
from core.readings import Options, Readings, read
from core.readings.native import from_parquet
from core.readings.sample import sample_community
from core.runs.access import Access, Audit, Link, NewLink, at, unaudited
from core.runs.files import DatasetFiles, Upload
from core.runs.reports import Report, report_of
from core.settings import Settings
from core.store import Store
from core.store.datasets import DatasetRow, DatasetRows

__all__ = ["Added", "Dataset", "Datasets", "Progress", "Upload", "digest_with_pv", "now_ms", "plain_name"]

log = logging.getLogger(__name__)

SAMPLE_NAME = "Sample community"
SAMPLE_ZONE = "Asia/Kolkata"
MAX_NAME = 120
MOST_FILES = 1_000
"""Files of one dataset: a whole pilot dropped at once, or added bit by bit. The command line takes half as many."""
Kind = Literal["upload", "sample"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as it is now. digest: of readings and installed PV; slot_h: hours; kind: "upload" or "sample"."""

    dataset_id: str
    owner_id: str
    name: str
    kind: str
    shared: bool
    created_at: datetime
    changed_at: datetime
    digest: str
    households: int
    slots: int
    slot_h: float
    start_at: datetime
    time_zone: str

    @property
    def end_at(self) -> datetime:
        """End of the last slot, UTC."""
        return self.start_at + timedelta(hours=self.slot_h) * self.slots


@dataclass(frozen=True, slots=True)
class Added:
    """What came of an upload: the report, and the dataset, None when the upload was refused and nothing was kept."""

    report: Report
    dataset: Dataset | None


class Datasets:
    """Everybody's datasets. Safe to call from any thread."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        audit: Audit = unaudited,
        clock: Callable[[], int] | None = None,
    ) -> None:
        """clock: milliseconds since 1970 UTC."""
        self._store = store
        self._rows = DatasetRows(store)
        self._clock = clock or now_ms
        self._audit = audit
        self._access = Access(store, "dataset", rows=self._rows, clock=self._clock, audit=audit)
        self._files = DatasetFiles(settings.uploads_dir, settings.data_dir / "datasets")
        self._time_zone = settings.time_zone
        self._quota_bytes = settings.user_quota_bytes
        self._lock = threading.Lock()  # readings are not taken away while another dataset is about to use them

    # ---- bringing files

    def add(
        self,
        user_id: str,
        files: Sequence[Upload],
        *,
        options: Options | None = None,
        name: str = "",
        progress: Progress | None = None,
    ) -> Added:
        """Read files as a new dataset. What cannot be read is in the report; then nothing is kept."""
        self._require_room(user_id, files)
        options = options or Options(time_zone=self._time_zone)
        readings = read(files, options, most_files=MOST_FILES, progress=progress)
        return self._insert(readings, files, user_id=user_id, options=options, name=plain_name(name), kind="upload")

    def extend(
        self,
        dataset_id: str,
        files: Sequence[Upload],
        *,
        user_id: str,
        options: Options | None = None,
        progress: Progress | None = None,
    ) -> Added:
        """Read one's dataset again with more files. When that is refused the dataset stays as it was."""
        row = self._access.owned(dataset_id, user_id=user_id)
        if row.kind == "sample":
            raise ConflictError("The sample community has no files to add to.", fix="Add the files as a new dataset.")
        self._require_room(user_id, files)
        kept = self._rows.files(dataset_id)
        options = options or Options(**json.loads(row.options))
        together = [*map(self._files.upload, kept), *files]
        readings = read(together, options, most_files=MOST_FILES, progress=progress)
        if readings.community is None:
            return Added(report_of(readings, digest=""), None)
        changed = replace(row, **self._found(readings, readings.community, options))
        return self._put(changed, readings, files, first_position=len(kept), before=row, user_id=user_id)

    def sample(self, user_id: str) -> Dataset:
        """The sample community as a dataset of this user's; the one made before, if there is one."""
        for row in self._rows.list(user_id):
            if row.kind == "sample" and row.owner_id == user_id:
                return _dataset(row)
        sample = sample_community()
        files = sample.csv_files()
        pv_kw = dict(zip(sample.community.household_ids, sample.community.pv_kw.tolist(), strict=True))
        options = Options(time_zone=SAMPLE_ZONE, pv_kw=pv_kw)
        readings = read(files, options)
        added = self._insert(readings, files, user_id=user_id, options=options, name=SAMPLE_NAME, kind="sample")
        assert added.dataset is not None
        return added.dataset

    # ---- looking

    def get(self, dataset_id: str, *, user_id: str, link: str = "") -> Dataset:
        """One dataset. Raises NotFoundError unless this user or link may read it."""
        return _dataset(self._access.seen(dataset_id, user_id=user_id, link=link))

    def list(self, user_id: str) -> tuple[Dataset, ...]:
        """A user's datasets and those shared with everybody, last changed first."""
        return tuple(_dataset(row) for row in self._rows.list(user_id))

    def options(self, dataset_id: str, *, user_id: str) -> Options:
        """The choices by which one's dataset was read. Raises NotFoundError."""
        return Options(**json.loads(self._access.owned(dataset_id, user_id=user_id).options))

    def report(self, dataset_id: str, *, user_id: str, link: str = "") -> Report:
        """How the dataset was read. Raises NotFoundError."""
        self._access.seen(dataset_id, user_id=user_id, link=link)
        text = self._rows.report(dataset_id)
        if text is None:
            raise NotFoundError(f'The dataset "{dataset_id[:80]}" was deleted a moment ago.')
        return Report.from_json(text)

    def community(self, dataset_id: str, *, user_id: str, link: str = "") -> Community:
        """The readings as they are now. Raises NotFoundError."""
        return self.readings_of(self._access.seen(dataset_id, user_id=user_id, link=link).digest)

    def readings_of(self, digest: str) -> Community:
        """The readings with this digest, of whichever dataset. Raises NotFoundError when none has them."""
        return from_parquet(self.parquet(digest).read_bytes())

    def parquet(self, digest: str) -> Path:
        """The Parquet copy of the readings with this digest. Raises NotFoundError when none is kept."""
        path = self._files.readings(digest)
        if not path.is_file():
            raise NotFoundError(
                f"The readings {digest[:12]}… are no longer kept.", fix="Upload their files again, then they are found."
            )
        return path

    # ---- changing

    def rename(self, dataset_id: str, name: str, *, user_id: str) -> None:
        """Give one's dataset another name. Raises InputError when it is empty or too long."""
        self._access.owned(dataset_id, user_id=user_id)
        with self._store.begin() as connection:
            self._rows.change(connection, dataset_id, name=_some_name(name))

    def delete(self, dataset_id: str, *, user_id: str) -> None:
        """Delete one's dataset with its files. Results of runs stay; their readings go unless another has them."""
        self._access.owned(dataset_id, user_id=user_id)
        with self._lock:
            files = self._rows.files(dataset_id)
            with self._store.begin() as connection:
                gone = self._rows.delete(connection, dataset_id)
                self._audit(connection, action="dataset.deleted", actor=user_id, subject=dataset_id)
            self._files.drop(files, gone)
        log.info("user %s: dataset %s deleted", user_id, dataset_id)

    # ---- sharing

    def share(self, dataset_id: str, *, user_id: str, everybody: bool) -> None:
        """Let everybody who signs in read one's dataset, or no longer."""
        self._access.share(dataset_id, user_id=user_id, everybody=everybody)

    def create_link(self, dataset_id: str, *, user_id: str, days: float = 30.0) -> NewLink:
        """Make a read-only link to one's dataset."""
        return self._access.create_link(dataset_id, user_id=user_id, days=days)

    def links(self, dataset_id: str, *, user_id: str) -> tuple[Link, ...]:
        """The links to one's dataset."""
        return self._access.links(dataset_id, user_id=user_id)

    def revoke_link(self, dataset_id: str, link_id: str, *, user_id: str) -> None:
        """End a link to one's dataset at once."""
        self._access.revoke(dataset_id, link_id, user_id=user_id)

    # ---- within

    def _require_room(self, user_id: str, files: Sequence[Upload]) -> None:
        """Raise TooLargeError if these files go beyond what one user may keep."""
        more = sum(len(content) if isinstance(content, bytes) else content.stat().st_size for _, content in files)
        kept = self._rows.stored_bytes(user_id)
        if kept + more > self._quota_bytes:
            raise TooLargeError(
                f"Your datasets take {kept / 1e6:,.0f} MB, these files {more / 1e6:,.0f} MB more; a user may keep"
                f" {self._quota_bytes / 1e6:,.0f} MB.",
                fix="Delete a dataset that you no longer need.",
            )

    def _insert(
        self, readings: Readings, files: Sequence[Upload], *, user_id: str, options: Options, name: str, kind: Kind
    ) -> Added:
        if readings.community is None:
            return Added(report_of(readings, digest=""), None)
        found = self._found(readings, readings.community, options)
        row = DatasetRow(
            dataset_id=secrets.token_hex(8),
            owner_id=user_id,
            name=name or _proposed_name(readings.community, options),
            kind=kind,
            shared=False,
            created_at_ms=found["changed_at_ms"],
            **found,
        )
        return self._put(row, readings, files, first_position=0, before=None, user_id=user_id)

    def _found(self, readings: Readings, community: Community, options: Options) -> dict[str, Any]:
        """What reading the files says of a dataset, by the names of its columns."""
        return {
            "changed_at_ms": self._clock(),
            "digest": digest_with_pv(readings.digest, community),
            "households": community.households,
            "slots": community.slots,
            "slot_h": community.slot_h,
            "start_at_ms": round(community.start_at.timestamp() * 1000),
            "time_zone": readings.time_zone,
            "options": json.dumps({**asdict(options), "pv_kw": dict(options.pv_kw)}),
        }

    def _put(
        self,
        row: DatasetRow,
        readings: Readings,
        files: Sequence[Upload],
        *,
        first_position: int,
        before: DatasetRow | None,
        user_id: str,
    ) -> Added:
        """Keep the files, then the readings, then the row. Of two who extend at once the second is refused."""
        report = report_of(readings, digest=row.digest)
        added = self._files.keep_uploads(files, first_position=first_position, at_ms=row.changed_at_ms)
        try:
            with self._lock:
                self._files.keep_readings(row.digest, readings)
                with self._store.begin() as connection:
                    if before is None:
                        self._rows.insert(connection, row, report.to_json(), added_files=added)
                    elif not self._rows.replace(connection, row, report.to_json(), added_files=added, expected=before):
                        raise ConflictError(
                            f'The dataset "{row.name}" was changed or deleted meanwhile.', fix="Add the files again."
                        )
                    action = "dataset.added" if before is None else "dataset.extended"
                    self._audit(connection, action=action, actor=user_id, subject=row.dataset_id)
        except BaseException:
            self._files.drop(added)
            raise
        log.info("user %s: %s %s with %d files", user_id, action, row.dataset_id, len(files))
        return Added(report, _dataset(row))


def now_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def digest_with_pv(readings_digest: str, community: Community) -> str:
    """The digest of a dataset: that of its readings, and of the installed PV where any is known.

    Some algorithms price by the share of installed PV, so equal readings with other roofs are another dataset.
    """
    if np.isnan(community.pv_kw).all():
        return readings_digest
    known = [
        [household_id, None if np.isnan(kw) else kw]
        for household_id, kw in zip(community.household_ids, community.pv_kw.tolist(), strict=True)
    ]
    return hashlib.sha256(json.dumps(["dataset 1", readings_digest, known]).encode()).hexdigest()


def plain_name(name: str) -> str:
    """A name with single spaces. Raises InputError when it is too long."""
    plain = " ".join(name.split())
    if len(plain) > MAX_NAME:
        raise InputError(f"The name has {len(plain)} characters, expected at most {MAX_NAME}.")
    return plain


def _some_name(name: str) -> str:
    plain = plain_name(name)
    if not plain:
        raise InputError("The name is empty.", fix="Give one that tells the datasets apart.")
    return plain


def _proposed_name(community: Community, options: Options) -> str:
    return f"{community.households} households from {community.start_at.astimezone(options.zone):%Y-%m-%d}"


def _dataset(row: DatasetRow) -> Dataset:
    return Dataset(
        dataset_id=row.dataset_id,
        owner_id=row.owner_id,
        name=row.name,
        kind=row.kind,
        shared=row.shared,
        created_at=at(row.created_at_ms),
        changed_at=at(row.changed_at_ms),
        digest=row.digest,
        households=row.households,
        slots=row.slots,
        slot_h=row.slot_h,
        start_at=at(row.start_at_ms),
        time_zone=row.time_zone,
    )
