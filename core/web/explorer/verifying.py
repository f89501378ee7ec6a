"""Verify: the whole file at a chosen level, the way to do it without this app, and what it cannot show."""

from __future__ import annotations

import streamlit as st

from core.web.explorer import receipts
from core.web.explorer.lens import Lens
from core.web.trust import LEVEL, LEVELS, show_verdict, verify_with_progress

LIMITS = (
    "**What this does not prove.** There is one writer, so the proof of work adds no security: it only paces the "
    "chain. Whoever holds the signing key can rewrite the ledger and sign it again; only somebody who kept an older "
    "checkpoint or receipt would notice. Keep one."
)

COMMANDS = """python -m core verify ledger.json --level 3
python -m core verify ledger.json --checkpoint checkpoint.txt
python tools/verify_receipt.py receipt.json"""


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
        show_verdict(verify_with_progress(lens.chain, level, replay=lens.runs.replay if level >= 4 else None))
    receipts.draw_check(lens)
    _draw_checkpoint(lens)
    st.markdown("**Without this app**", help="Exit status 1 names the block and the byte that are damaged.")
    st.code(COMMANDS, language="bash")
    st.info(LIMITS, icon=":material/info:")


def _draw_checkpoint(lens: Lens) -> None:
    checkpoint = lens.chain.status().checkpoint
    st.markdown(
        "**Keep this checkpoint**",
        help="A signed note: the log's name, its number of blocks, the Merkle root over their headers. Whoever kept "
        "one can check later that the ledger still begins with exactly these blocks.",
    )
    if not checkpoint:
        st.caption("There is none: the signing key is missing.")
        return
    st.code(checkpoint, language=None)
    st.download_button(
        "Download the checkpoint", checkpoint, file_name="checkpoint.txt", mime="text/plain", icon=":material/download:"
    )
