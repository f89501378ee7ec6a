"""Whose page a Streamlit session is, and who may have the files it offers for download.

Streamlit serves every file it holds to everybody who knows its address; which session offers which file is known only
inside its media manager. When that changes shape nobody gets a file, and a test says so.
"""

from __future__ import annotations

import posixpath
import threading

from cachetools import LRUCache
from streamlit.runtime import Runtime, exists, get_instance
from streamlit.runtime.media_file_storage import MediaFileKind

from core.accounts import User
from core.exchange import current
from core.web.session import cookie_name

REMEMBERED = 10_000
"""Files made on a click whose owners are known; the one made longest ago is forgotten."""

_made: LRUCache[str, set[str]] = LRUCache(REMEMBERED)  # file id -> user ids
_lock = threading.Lock()  # guards _made


def owns_page(user: User, streamlit_session_id: str) -> bool:
    """Whether the page with this Streamlit session was opened by this user."""
    if not exists():
        return False
    owner = _owner(get_instance(), streamlit_session_id)
    return owner is not None and owner.user_id == user.user_id


def may_download(user: User, path: str) -> bool:
    """Whether an open page of this user offers the file at this path of `/media/`, or made it on a click."""
    if not exists():
        return False
    file_id = _file_id(path)
    with _lock:
        if user.user_id in _made.get(file_id, ()):
            return True
    return any(owns_page(user, session_id) for session_id in _offering(get_instance(), file_id))


def export_name(path: str) -> str:
    """What the file at this path of `/media/` is called, if it is one to keep; "" for a picture in a page."""
    try:
        file = get_instance().media_file_mgr.read_file(_file_id(path))
    except RuntimeError:
        return ""
    return (file.filename or "file") if file and file.kind == MediaFileKind.DOWNLOADABLE else ""


def watch_downloads() -> None:
    """Remember for whom a button made its file on a click: no page offers such a file. Once, when the server starts."""
    if not exists():
        return
    media = get_instance().media_file_mgr
    execute = media.execute_deferred

    def execute_and_remember(file_id: str) -> str:
        with media._lock:
            entry = media._deferred_callables.get(file_id)
        address = execute(file_id)
        owner = _owner(get_instance(), entry["session_id"]) if entry else None
        if owner is not None:
            _remember(_file_id(address), owner)
        return address

    media.execute_deferred = execute_and_remember  # type: ignore[method-assign]


def _remember(file_id: str, user: User) -> None:
    with _lock:
        _made.setdefault(file_id, set()).add(user.user_id)


def _file_id(address: str) -> str:
    return posixpath.splitext(posixpath.basename(address))[0]


def _offering(runtime: Runtime, file_id: str) -> list[str]:
    media = runtime.media_file_mgr
    with media._lock:
        offered = {session_id: set(files.values()) for session_id, files in media._files_by_session_and_coord.items()}
    return [session_id for session_id, files in offered.items() if file_id in files]


def _owner(runtime: Runtime, streamlit_session_id: str) -> User | None:
    client = runtime.get_client(streamlit_session_id)
    if client is None or client.client_context is None:
        return None
    token = client.client_context.cookies.get(cookie_name(current().settings))
    return current().sessions.user_of(token, touch=False)
