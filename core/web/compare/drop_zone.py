"""A place to drop hundreds of files or a whole folder: the browser posts them in batches to a route of ours.

Streamlit's own uploader takes half a minute for a thousand files and holds them all in memory. The script is served as
a file of ours, which the content security policy allows; Streamlit would hand over an inline one as a blob.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

from core.runs.datasets import MOST_FILES
from core.web.api.staging import address

NAME = "p2p_lab.drop_zone"
BATCH = 100
HTML = """
<div class="zone" data-testid="compareBulkDrop">
  <button type="button" disabled>Choose files</button>
  <span>Hundreds of files, or a folder: drop them here.</span>
  <input type="file" multiple hidden aria-hidden="true" tabindex="-1" accept=".csv,.txt,.tsv,.xml,.xlsx,.xls,.ods">
  <progress hidden aria-label="Files sent"></progress>
  <output aria-live="polite"></output>
</div>
"""
_KEY = "compare_bulk"


def drop_zone() -> str | None:
    """Draw the zone. The batch that has just arrived whole, once; else None."""
    batch = st.session_state.setdefault(f"{_KEY}_batch", secrets.token_hex(8))
    result = _component()(
        key=_KEY,
        data={"url": address(batch), "batch": BATCH, "most": MOST_FILES},
        on_sent_change=lambda: None,
    )
    if not result.sent:
        return None
    st.session_state[f"{_KEY}_batch"] = secrets.token_hex(8)
    return str(batch)


def _component() -> Any:
    """The component as this server knows it; each server (a test starts its own) is told once."""
    manager = get_bidi_component_manager()
    if manager.get(NAME) is None:
        owner, _, name = NAME.partition(".")
        manifest = ComponentManifest(owner, "1", [ComponentConfig(name, "assets")])
        manager.register_from_manifest(manifest, Path(__file__).parent)
    return st.components.v2.component(NAME, html=HTML, js="drop_zone.js", css="drop_zone.css")
