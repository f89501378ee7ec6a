"""Verify: the whole file at a chosen level, the way to do it without this app, and what it cannot show."""

from __future__ import annotations

import streamlit as st

from core.web.explorer.lens import Lens
from core.web.trust import LEVEL, LEVELS, show_verdict, verify_with_progress

LIMITS = (
    "**What this does not prove.** There is one writer, so the proof of work adds no security: it only paces the "
    "chain. Whoever holds the signing key can rewrite the ledger and sign it again; only somebody who kept an older "
    "checkpoint or receipt would notice. Keep one."
)


def draw(lens: Lens) -> None:
    """Choose how deep, verify, read the sentence."""
    with st.form("verify", border=False):
        level = st.radio(
            "How deep",
            list(LEVELS),
            index=list(LEVELS).index(LEVEL),
            format_func=lambda level: f"Level {level}: {LEVELS[level]}",
            help="Each level includes the ones before it. All of them read the whole file.",
        )
        asked = st.form_submit_button("Verify", icon=":material/fact_check:", type="primary")
    if asked:
        show_verdict(verify_with_progress(lens.chain, level))
    st.markdown(LIMITS)
    st.markdown("**Without this app**", help="Exit status 1 names the block and the byte that are damaged.")
    st.code("python -m core verify ledger.json --level 3", language="bash")
