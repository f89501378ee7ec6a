"""Files that are whole or not there: written under another name, made durable, then renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ASIDE = ".aside-"
"""How names of what is being written begin; whoever finds them after a crash may take them away."""


def write_file(target: Path, content: bytes | Path) -> int:
    """Keep `content`, or a copy of the file at that path, as `target`, mode 0600. Durable but for the folder's entry.

    Returns its size.
    """
    descriptor, aside = tempfile.mkstemp(dir=target.parent, prefix=ASIDE)  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            if isinstance(content, Path):
                with content.open("rb") as source:
                    shutil.copyfileobj(source, file)
            else:
                file.write(content)
            size = file.tell()
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, target)
    except BaseException:
        os.unlink(aside)
        raise
    return size


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to fill that becomes `target` when the block ends well; one that is there already stays."""
    aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=ASIDE))
    try:
        yield aside
        for file in aside.iterdir():
            sync(file)
        sync(aside)
        try:
            os.rename(aside, target)
        except OSError:  # a folder with files in it cannot be replaced
            if not target.is_dir():
                raise
        sync(target.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def sync(path: Path) -> None:
    """Make a file's content or a folder's entries durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
