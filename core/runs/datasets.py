"""Datasets: what people upload is read, kept as it came under names of our own, and kept once more as Parquet.

    uploads/<file_id>               a file as it came, mode 0600
    data/datasets/<digest>.parquet  readings; every digest a dataset ever had stays as long as the dataset

A dataset that is extended gets a new digest; runs made before keep the readings they were made on. The order of
writes: files, then Parquet, then one database transaction. What is lost in between is a file nobody knows of.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np

from core.errors import ConflictError, InputError, NotFoundError
from core.market.community import Community
from core.readings import Options, Readings, read
from core.readings.native import from_parquet, to_parquet
from core.readings.sample import sample_community
from core.runs.access import Access, Link, NewLink, at
from core.runs.disk import sync, write_file
from core.runs.reports import Report, report_of
from core.settings import Settings
from core.store import Store
from core.store.datasets import DatasetRow, DatasetRows, FileRow

SAMPLE_NAME = "Sample community"
MAX_NAME = 120
Kind = Literal["upload", "sample"]
Upload = tuple[str, bytes | Path]
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

    def __init__(self, store: Store, settings: Settings, *, clock: Callable[[], int] | None = None) -> None:
        """clock: milliseconds since 1970 UTC."""
        self._rows = DatasetRows(store)
        self._clock = clock or now_ms
        self._access = Access(store, "dataset", self._clock)
        self._uploads = settings.uploads_dir
        self._folder = settings.data_dir / "datasets"
        self._time_zone = settings.time_zone
        self._lock = threading.Lock()  # a Parquet file is not taken away while another dataset is about to use it
        for folder in (self._uploads, self._folder):
            folder.mkdir(parents=True, exist_ok=True)

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
        options = options or Options(time_zone=self._time_zone)
        readings = read(files, options, progress=progress)
        return self._keep(
            readings,
            files,
            options=options,
            kept=(),
            dataset_id=secrets.token_hex(8),
            owner_id=user_id,
            name=plain_name(name) or _proposed_name(readings),
            kind="upload",
        )

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
        row = self._owned(dataset_id, user_id)
        if row.kind == "sample":
            raise ConflictError("The sample community has no files to add to.", fix="Add the files as a new dataset.")
        kept = self._rows.files(dataset_id)
        options = options or Options(**json.loads(row.options))
        uploads: list[Upload] = [(file.name, self._uploads / file.file_id) for file in kept]
        return self._keep(
            read([*uploads, *files], options, progress=progress),
            files,
            options=options,
            kept=kept,
            dataset_id=dataset_id,
            owner_id=row.owner_id,
            name=row.name,
            kind="upload",
        )

    def sample(self, user_id: str) -> Dataset:
        """The sample community as a dataset of this user's; the one made before, if there is one."""
        for row in self._rows.list(user_id):
            if row.kind == "sample" and row.owner_id == user_id:
                return _dataset(row)
        sample = sample_community()
        files = sample.csv_files()
        pv_kw = dict(zip(sample.community.household_ids, sample.community.pv_kw.tolist(), strict=True))
        options = Options(time_zone="Asia/Kolkata", pv_kw=pv_kw)
        added = self._keep(
            read(files, options),
            files,
            options=options,
            kept=(),
            dataset_id=secrets.token_hex(8),
            owner_id=user_id,
            name=SAMPLE_NAME,
            kind="sample",
        )
        assert added.dataset is not None
        return added.dataset

    # ---- looking

    def get(self, dataset_id: str, *, user_id: str, link: str = "") -> Dataset:
        """One dataset. Raises NotFoundError unless this user or link may read it."""
        return _dataset(self._seen(dataset_id, user_id, link))

    def list(self, user_id: str) -> tuple[Dataset, ...]:
        """A user's datasets and those shared with everybody, last changed first."""
        return tuple(_dataset(row) for row in self._rows.list(user_id))

    def report(self, dataset_id: str, *, user_id: str, link: str = "") -> Report:
        """How the dataset was read. Raises NotFoundError."""
        self._seen(dataset_id, user_id, link)
        text = self._rows.report(dataset_id)
        if text is None:
            raise NotFoundError(f'The dataset "{dataset_id[:80]}" was deleted a moment ago.')
        return Report.from_json(text)

    def community(self, dataset_id: str, *, user_id: str, link: str = "") -> Community:
        """The readings as they are now. Raises NotFoundError."""
        return self.readings_of(self._seen(dataset_id, user_id, link).digest)

    def readings_of(self, digest: str) -> Community:
        """The readings with this digest, of whichever dataset. Raises NotFoundError when none has them."""
        return from_parquet(self.parquet(digest).read_bytes())

    def parquet(self, digest: str) -> Path:
        """The Parquet copy of the readings with this digest. Raises NotFoundError when none is kept."""
        path = self._parquet_path(digest)
        if not path.is_file():
            raise NotFoundError(
                f"The readings {digest[:12]}… are no longer kept.", fix="Upload their files again, then they are found."
            )
        return path

    # ---- changing

    def rename(self, dataset_id: str, name: str, *, user_id: str) -> None:
        """Give one's dataset another name. Raises InputError when it is empty or too long."""
        self._owned(dataset_id, user_id)
        self._rows.rename(dataset_id, _some_name(name))

    def delete(self, dataset_id: str, *, user_id: str) -> None:
        """Delete one's dataset with its files. Results of runs stay; their readings go unless another has them."""
        self._owned(dataset_id, user_id)
        with self._lock:
            files = self._rows.files(dataset_id)
            gone = self._rows.delete(dataset_id)
            for path in (
                *(self._uploads / file.file_id for file in files),
                *(self._parquet_path(digest) for digest in gone),
            ):
                path.unlink(missing_ok=True)

    # ---- sharing

    def share(self, dataset_id: str, *, user_id: str, everybody: bool) -> None:
        """Let everybody who signs in read one's dataset, or no longer."""
        self._owned(dataset_id, user_id)
        self._rows.set_shared(dataset_id, everybody)

    def create_link(self, dataset_id: str, *, user_id: str, days: float = 30.0) -> NewLink:
        """Make a read-only link to one's dataset."""
        self._owned(dataset_id, user_id)
        return self._access.create_link(dataset_id, user_id=user_id, days=days)

    def links(self, dataset_id: str, *, user_id: str) -> tuple[Link, ...]:
        """The links to one's dataset."""
        self._owned(dataset_id, user_id)
        return self._access.links(dataset_id)

    def revoke_link(self, dataset_id: str, link_id: str, *, user_id: str) -> None:
        """End a link to one's dataset at once."""
        self._owned(dataset_id, user_id)
        self._access.revoke(dataset_id, link_id)

    # ---- within

    def _keep(
        self,
        readings: Readings,
        files: Sequence[Upload],
        *,
        options: Options,
        kept: Sequence[FileRow],
        dataset_id: str,
        owner_id: str,
        name: str,
        kind: Kind,
    ) -> Added:
        community = readings.community
        digest = "" if community is None else digest_with_pv(readings.digest, community)
        report = report_of(readings, digest=digest)
        if community is None:
            return Added(report, None)
        now = self._clock()
        before = self._rows.get(dataset_id)
        row = DatasetRow(
            dataset_id=dataset_id,
            owner_id=owner_id,
            name=name if before is None else before.name,
            kind=kind,
            shared=before is not None and before.shared,
            created_at_ms=now if before is None else before.created_at_ms,
            changed_at_ms=now,
            digest=digest,
            households=community.households,
            slots=community.slots,
            slot_h=community.slot_h,
            start_at_ms=round(community.start_at.timestamp() * 1000),
            time_zone=readings.time_zone,
            options=json.dumps({**asdict(options), "pv_kw": dict(options.pv_kw)}),
        )
        added = [self._keep_file(file, position, now) for position, file in enumerate(files, start=len(kept))]
        sync(self._uploads)
        with self._lock:
            self._keep_parquet(digest, readings)
            self._rows.save(row, report.to_json(), added_files=added)
        return Added(report, _dataset(row))

    def _keep_file(self, file: Upload, position: int, now: int) -> FileRow:
        file_id = secrets.token_hex(16)
        name, content = file
        size = write_file(self._uploads / file_id, content)
        return FileRow(file_id=file_id, position=position, name=name, size=size, added_at_ms=now)

    def _keep_parquet(self, digest: str, readings: Readings) -> None:
        path = self._parquet_path(digest)
        if not path.is_file():
            write_file(path, to_parquet(readings))
            sync(self._folder)

    def _parquet_path(self, digest: str) -> Path:
        return self._folder / f"{digest}.parquet"

    def _seen(self, dataset_id: str, user_id: str, link: str) -> DatasetRow:
        return self._access.seen(self._rows.get(dataset_id), dataset_id, user_id=user_id, link=link)

    def _owned(self, dataset_id: str, user_id: str) -> DatasetRow:
        return self._access.owned(self._rows.get(dataset_id), dataset_id, user_id=user_id)


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


def _proposed_name(readings: Readings) -> str:
    if readings.community is None:
        return ""
    start = readings.community.start_at.astimezone(Options(time_zone=readings.time_zone).zone)
    return f"{readings.community.households} households from {start:%Y-%m-%d}"


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
