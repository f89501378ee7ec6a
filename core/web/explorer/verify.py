"""Verify: the whole file at a chosen level, the way to do it without this app, and what it cannot show."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.errors import LedgerError, NotFoundError
from core.ledger import receipt
from core.ledger.checkpoint import verifier_key
from core.ledger.receipt import Checked
from core.web.escape import markdown
from core.web.explorer import prose
from core.web.explorer.view import View, link
from core.web.table import Cell, html_facts
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


def draw(view: View) -> None:
    """Verify on the left, receipts and checkpoints on the right, the limits below."""
    left, right = st.columns(2, gap="large")
    with left:
        _draw_levels(view)
    with right:
        draw_check(view)
    st.info(LIMITS, icon=":material/info:")
    _draw_checkpoint(view)
    st.markdown("**Without this app**", help="Exit status 1 names the block and the byte that are damaged.")
    st.code(COMMANDS, language="bash")


def _draw_levels(view: View) -> None:
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
        replay = view.runs.replay if level >= REPLAYED else None
        show_verdict(verify_with_progress(view.chain, level, amounts=view.amounts, replay=replay), view.amounts)


def _draw_checkpoint(view: View) -> None:
    status = view.chain.status()
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


LONGEST = 400
HELP = (
    "A receipt has the transaction, its path to the block's Merkle root, the block's path to the root of the whole "
    "log, and the log's signature over that root. All of it is recomputed here from the file you drop."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a receipt. holds: it is a valid receipt of this lab and the ledger still agrees with it."""

    holds: bool
    sentence: str
    checked: Checked | None = None


def draw_check(view: View) -> None:
    """The drop zone, and the finding in a sentence."""
    dropped = st.file_uploader("Check a receipt", type=["json"], key="receipt", help=HELP, max_upload_size=1)
    if dropped is None:
        return
    found = finding(view, dropped.getvalue())
    show, icon = (st.success, ":material/verified_user:") if found.holds else (st.error, ":material/gpp_bad:")
    show(markdown(found.sentence, limit=LONGEST), icon=icon)
    if found.checked is not None:
        st.html(html_facts(_facts(found.checked, view), name="What the receipt is for"))


def finding(view: View, text: bytes) -> Finding:
    """Check the receipt itself, then hold it against the ledger."""
    log_key = bytes.fromhex(view.chain.status().log_key)
    try:
        checked = receipt.check(text)
    except LedgerError as error:
        return Finding(False, str(error))
    if bytes.fromhex(checked.key) != log_key:
        return Finding(False, "The receipt holds in itself, but it was signed by another log than this one.", checked)
    place = f"transaction {view.amounts.whole(checked.index)} of block {view.amounts.whole(checked.height)}"
    try:
        page = view.chain.block(checked.height, first=checked.index, limit=1)
        same = bool(page.lines) and page.lines[0].tx_hash == checked.tx_hash
    except (NotFoundError, LedgerError):
        same = False
    if not same:
        return Finding(
            False,
            f"The receipt holds and this lab signed it, but the ledger has something else as {place}: it was changed "
            "since. Keep the receipt, it proves what was there.",
            checked,
        )
    return Finding(True, f"The receipt holds: this lab signed {place}, and the ledger still has it there.", checked)


def _facts(checked: Checked, view: View) -> list[prose.Fact]:
    return [
        ("Transaction", Cell(checked.tx_hash, href=link(tx=checked.tx_hash))),
        ("Says", prose.sentence(checked.document, view.amounts)),
        ("Block", Cell(view.amounts.whole(checked.height), href=link(block=checked.height))),
        ("Mined", view.clock.exact(checked.time_ms)),
        ("Log", checked.origin),
        ("Signed with", checked.key),
    ]
