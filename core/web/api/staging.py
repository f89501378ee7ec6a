"""Files on their way to a dataset: they come in batches, wait in a folder of their owner, and are read all at once.

    data/staged/<user>/<batch>/00042        the bytes of the 43rd file
    data/staged/<user>/<batch>/00042.name   what its owner calls it

A user's earlier batches go when a new one begins, so that nobody fills the disk.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Query, UploadFile

from core.errors import InputError, TooLargeError
from core.exchange import current
from core.runs.datasets import MOST_FILES
from core.settings import Settings
from core.web.api.answers import Answer
from core.web.api.caller import Analyst
from core.web.api.shapes import Staged
from core.web.escape import visible

FILE_BYTES = 20_000_000
BATCH_BYTES = 1_000_000_000
_BATCH = re.compile(r"[0-9a-f]{16}")

router = APIRouter()


def address(batch: str) -> str:
    """Where the browser posts the files of a batch."""
    return f"/api/staged/{batch}"


@router.post("/api/staged/{batch}", tags=["datasets"], response_model=Staged)
def stage(
    user: Analyst,
    batch: str,
    files: Annotated[list[UploadFile], File()],
    first: Annotated[int, Query(ge=0, lt=MOST_FILES)] = 0,
) -> Answer:
    """Keep some files of a batch; `first` is the number of the first of them."""
    keep(current().settings, user.user_id, batch, files=files, first=first)
    return Answer({"files": len(files)})


def keep(settings: Settings, user_id: str, batch: str, *, files: Sequence[UploadFile], first: int) -> None:
    """Keep files of a batch. Raises InputError, TooLargeError."""
    folder = _folder(settings, user_id, batch)
    if first == 0 or not folder.is_dir():
        shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    if first + len(files) > MOST_FILES:
        raise TooLargeError(f"More than {MOST_FILES:,} files at once.", fix="Send them in several datasets.")
    there = sum(path.stat().st_size for path in folder.iterdir())
    if there + sum(file.size or 0 for file in files) > BATCH_BYTES:
        raise TooLargeError("More than 1 GB at once.", fix="Send the files in several datasets.")
    for number, file in enumerate(files, start=first):
        if (file.size or 0) > FILE_BYTES:
            raise TooLargeError(f"{visible(file.filename)} is larger than 20 MB.", fix="Split it by household.")
        with (folder / f"{number:05d}").open("wb") as target:
            shutil.copyfileobj(file.file, target)
        (folder / f"{number:05d}.name").write_text(file.filename or f"file {number + 1}", encoding="utf-8")


def staged(settings: Settings, user_id: str, batch: str) -> list[tuple[str, bytes | Path]]:
    """The files of a batch as names and paths, in the order they were chosen."""
    folder = _folder(settings, user_id, batch)
    names = sorted(folder.glob("*.name")) if folder.is_dir() else []
    return [(name.read_text(encoding="utf-8"), name.with_suffix("")) for name in names]


def forget(settings: Settings, user_id: str, batch: str) -> None:
    """Delete a batch once it has been read."""
    shutil.rmtree(_folder(settings, user_id, batch), ignore_errors=True)


def _folder(settings: Settings, user_id: str, batch: str) -> Path:
    if not _BATCH.fullmatch(batch) or not re.fullmatch(r"[\w-]{1,64}", user_id):
        raise InputError("That is not a batch of files.", fix="Reload the page and drop the files again.")
    return settings.data_dir / "staged" / user_id / batch
