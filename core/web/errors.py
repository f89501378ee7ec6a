"""When a page fails: a sentence for the person, with an id to quote; the trace goes to the log under that id."""

from __future__ import annotations

import logging
import secrets

import streamlit as st

from core.errors import LabError
from core.web.escape import markdown

log = logging.getLogger(__name__)


def explain(error: Exception) -> bool:
    """Show what went wrong in words; True keeps Streamlit's own message away."""
    if isinstance(error, LabError):
        st.error(markdown(str(error), limit=600), icon=":material/error:")
        return True
    error_id = secrets.token_hex(4)
    log.error("page failed, id %s", error_id, exc_info=error)
    st.error(
        f"This page could not be shown. Load it again; if it stays, tell an admin the id {error_id}:"
        " the log has the details under it.",
        icon=":material/error:",
    )
    return True
