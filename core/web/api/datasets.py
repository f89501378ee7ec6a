"""Datasets over REST: upload, list, look, share, delete; somebody else's is not found."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from starlette.responses import Response

from core.errors import TooLargeError
from core.exchange import current
from core.readings import Options
from core.readings.options import ProposalPolicy
from core.runs import Added, Dataset
from core.web.api.answers import Answer
from core.web.api.caller import Analyst, Reader
from core.web.api.shapes import Page, RefusedUpload, ReportAnswer, Uploaded
from core.web.escape import visible

router = APIRouter(tags=["datasets"])

FILE_BYTES = 20 * 1024 * 1024
FILES = 2_000


@router.post(
    "/upload",
    status_code=201,
    response_model=Uploaded,
    responses={400: {"model": RefusedUpload, "description": "The files cannot be read; `report` says why."}},
    form_limits={"max_files": FILES, "max_fields": 20},
)
def upload(
    user: Analyst,
    files: Annotated[
        list[UploadFile], File(description="Files of readings, one or several households each; 20 MB a file.")
    ],
    name: Annotated[str, Form(max_length=120)] = "",
    time_zone: Annotated[str, Form(max_length=64)] = "",
    proposals: Annotated[ProposalPolicy, Form(description="What to do where a column's meaning is a guess.")] = "ask",
) -> Answer:
    """Read files as a new dataset. What cannot be read is refused as a whole, by file, line and column."""
    lab = current()
    options = Options(time_zone=time_zone or lab.settings.time_zone, proposals=proposals)
    with _on_disk(files) as kept:
        added = lab.datasets.add(user.user_id, kept, options=options, name=name)
    return _answer(added)


@router.get("/api/datasets", response_model=Page[Dataset])
def datasets(user: Reader) -> Answer:
    """One's datasets and those shared with everybody."""
    return Answer({"items": current().datasets.list(user.user_id), "next": None})


@router.get("/api/datasets/{dataset_id}", response_model=Dataset)
def dataset(user: Reader, dataset_id: str, link: str = "") -> Answer:
    """One dataset. `link` is the token of a read-only link."""
    return Answer(current().datasets.get(dataset_id, user_id=user.user_id, link=link))


@router.get("/api/datasets/{dataset_id}/report", response_model=ReportAnswer)
def report(user: Reader, dataset_id: str, link: str = "") -> Response:
    """How its files were read: households, gaps, findings, assumptions."""
    found = current().datasets.report(dataset_id, user_id=user.user_id, link=link)
    return Response(found.to_json(), media_type="application/json")


@router.delete("/api/datasets/{dataset_id}", status_code=204)
def delete(user: Analyst, dataset_id: str) -> Response:
    """Delete one's dataset and its files."""
    current().datasets.delete(dataset_id, user_id=user.user_id)
    return Response(status_code=204)


@contextmanager
def _on_disk(files: list[UploadFile]) -> Iterator[list[tuple[str, Path]]]:
    """The files under names of our own, for as long as they are read; large ones never lie in memory whole."""
    with tempfile.TemporaryDirectory(dir=current().settings.uploads_dir, prefix="arriving-") as folder:
        kept = []
        for number, file in enumerate(files):
            if (file.size or 0) > FILE_BYTES:
                raise TooLargeError(f"{visible(file.filename)} is larger than 20 MB.", fix="Split it by household.")
            path = Path(folder) / str(number)
            with path.open("wb") as target:
                shutil.copyfileobj(file.file, target)
            kept.append((file.filename or f"file {number + 1}", path))
        yield kept


def _answer(added: Added) -> Answer:
    """The dataset and how it was read; a refusal in the shape of every error, with the report beside it."""
    report: dict[str, Any] = {"report": added.report}
    if added.dataset is not None:
        return Answer({"dataset": added.dataset, **report}, status_code=201)
    first = added.report.errors[0]
    place = (
        f"{visible(first.file)} line {first.line}: " if first.line else f"{visible(first.file)}: " if first.file else ""
    )
    error = {"code": first.code, "message": place + first.message, "fix": first.fix}
    return Answer({"error": error, **report}, status_code=400)
