"""Verify: the whole file at a chosen level, the way to do it without this app, and what it cannot show."""

from __future__ import annotations

import streamlit as st

from core.ledger.checkpoint import verifier_key
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
python tools/verify_receipt.py receipt.json KEY"""
REPLAYED = 4
"""The level from which recorded runs are computed again."""


def draw(lens: Lens) -> None:
    """Verify on the left, receipts and checkpoints on the right, the limits below."""
    left, right = st.columns(2, gap="large")
    with left:
        _draw_levels(lens)
    with right:
        receipts.draw_check(lens)
    st.info(LIMITS, icon=":material/info:")
    _draw_checkpoint(lens)
    st.markdown("**Without this app**", help="Exit status 1 names the block and the byte that are damaged.")
    st.code(COMMANDS, language="bash")


def _draw_levels(lens: Lens) -> None:
    with st.form("verify", border=False):
        level = st.radio(
            "Verify the whole ledger",
            list(LEVELS),
            index=list(LEVELS).index(LEVEL),
            format_func=lambda level: f"Level {level}: {LEVELS[level]}",
            help="Each level includes the ones before it. All of them read the whole file.",
        )
        asked = st.form_submit_button("Verify", icon=":material/fact_check:", type="primary")
    if asked:
        replay = lens.runs.replay if level >= REPLAYED else None
        show_verdict(verify_with_progress(lens.chain, level, amounts=lens.amounts, replay=replay), lens.amounts)


def _draw_checkpoint(lens: Lens) -> None:
    status = lens.chain.status()
    st.markdown(
        "**Keep this checkpoint and key**",
        help="A checkpoint is a signed note: the log's name, its number of blocks, the Merkle root over their headers. "
        "Whoever kept one can check later that the ledger still begins with exactly these blocks. The key says who "
        "signed.",
    )
    if status.checkpoint:
        st.code(status.checkpoint, language=None, wrap_lines=True)
        st.download_button(
            "Download the checkpoint",
            status.checkpoint.encode,
            file_name="checkpoint.txt",
            mime="text/plain",
            icon=":material/download:",
            on_click="ignore",
        )
    else:
        st.caption("There is no checkpoint: the signing key is missing.")
    if status.log_key:
        st.code(verifier_key(status.origin, bytes.fromhex(status.log_key)), language=None, wrap_lines=True)
