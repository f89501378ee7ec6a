"""The files of datasets: uploads as they came, under names of ours, and readings as Parquet under their digest.

uploads/<file_id>               a file as it came, mode 0600
data/datasets/<digest>.parquet  readings, mode 0600; equal readings are kept once
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from core import system
from core.durable import ASIDE, whole_file
from core.readings import Readings
from core.readings.native import to_parquet
from core.store.datasets import FileRow

Upload = tuple[str, bytes | Path]
"""The name a file has with the person who brings it, and its content or where that lies."""
_STALE_S = 3_600.0


class DatasetFiles:
    """Two folders, made when they are missing. What a crash left half-written is taken away."""

    def __init__(self, uploads: Path, readings: Path) -> None:
        self._uploads = uploads
        self._readings = readings
        for folder in (uploads, readings):
            folder.mkdir(parents=True, exist_ok=True)
            _sweep(folder)

    def keep_uploads(self, files: Sequence[Upload], *, first_position: int, at_ms: int) -> list[FileRow]:
        """Keep files as they came; durable when this returns."""
        kept = []
        for position, (name, content) in enumerate(files, start=first_position):
            file_id = secrets.token_hex(16)
            size = _write(self._uploads / file_id, content)
            kept.append(FileRow(file_id=file_id, position=position, name=name, size=size, added_at_ms=at_ms))
        system.sync(self._uploads)
        return kept

    def upload(self, file: FileRow) -> Upload:
        """A kept file as it came."""
        return file.name, self._uploads / file.file_id

    def keep_readings(self, digest: str, readings: Readings) -> None:
        """Keep readings under their digest; durable when this returns."""
        path = self.readings(digest)
        if not path.is_file():
            _write(path, to_parquet(readings))
            system.sync(self._readings)

    def readings(self, digest: str) -> Path:
        """Where readings with this digest are, if they are kept."""
        return self._readings / f"{digest}.parquet"

    def drop(self, files: Iterable[FileRow], digests: Iterable[str] = ()) -> None:
        """Take files and readings away."""
        for path in (*(self._uploads / file.file_id for file in files), *map(self.readings, digests)):
            path.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Take away half-written files on which nobody has written for an hour."""
    for path in folder.glob(f"{ASIDE}*"):
        if time.time() - path.stat().st_mtime > _STALE_S:
            path.unlink(missing_ok=True)


def _write(target: Path, content: bytes | Path) -> int:
    """Keep `content`, or a copy of the file at that path; durable but for the folder's entry. Returns its size."""
    with whole_file(target, sync_name=False) as aside:
        if isinstance(content, Path):
            shutil.copyfile(content, aside)
        else:
            aside.write_bytes(content)
        return aside.stat().st_size
