"""Files and folders that are whole or not there: written aside, made durable, then given their name."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core import system

ASIDE = ".aside-"
"""How names of what is being written begin; whoever finds them after a crash may take them away."""


@contextmanager
def whole_file(target: Path, *, sync_name: bool = True) -> Iterator[Path]:
    """An empty file, mode 0600, to fill; when the block ends well it becomes `target`, else it is gone.

    Its content is durable then, and its name too unless many are written and the folder is synced once by the caller.
    """
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=ASIDE)  # mkstemp makes it 0600
    os.close(descriptor)
    aside = Path(name)
    try:
        yield aside
        system.sync(aside)
        aside.replace(target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    if sync_name:
        system.sync(target.parent)


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder to fill that becomes `target` when the block ends well; one that is there already stays."""
    aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=ASIDE))
    try:
        yield aside
        for file in aside.iterdir():
            system.sync(file)
        system.sync(aside)
        try:
            os.rename(aside, target)
        except OSError:  # a folder with files in it cannot be replaced
            if not target.is_dir():
                raise
        system.sync(target.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
