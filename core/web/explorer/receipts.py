"""Check a receipt: drop the file, learn what it proves and whether today's ledger still agrees."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.errors import LedgerError, NotFoundError
from core.ledger import receipt
from core.ledger.receipt import Checked
from core.web.explorer import prose
from core.web.explorer.address import link
from core.web.explorer.lens import Lens
from core.web.table import Cell, html_facts
from core.web.text import foreign

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


def draw_check(lens: Lens) -> None:
    """The drop zone, and the finding in a sentence."""
    dropped = st.file_uploader("Check a receipt", type=["json"], key="receipt", help=HELP, max_upload_size=1)
    if dropped is None:
        return
    found = finding(lens, dropped.getvalue())
    show, icon = (st.success, ":material/verified_user:") if found.holds else (st.error, ":material/gpp_bad:")
    show(foreign(found.sentence, limit=LONGEST), icon=icon)
    if found.checked is not None:
        st.html(html_facts(_facts(found.checked, lens), name="What the receipt is for"))


def finding(lens: Lens, text: bytes) -> Finding:
    """Check the receipt itself, then hold it against the ledger."""
    log_key = bytes.fromhex(lens.chain.status().log_key)
    try:
        checked = receipt.check(text)
    except LedgerError as error:
        return Finding(False, str(error))
    if bytes.fromhex(checked.key) != log_key:
        return Finding(False, "The receipt holds in itself, but it was signed by another log than this one.", checked)
    place = f"transaction {lens.amounts.whole(checked.index)} of block {lens.amounts.whole(checked.height)}"
    try:
        page = lens.chain.block(checked.height, first=checked.index, limit=1)
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


def _facts(checked: Checked, lens: Lens) -> list[prose.Fact]:
    return [
        ("Transaction", Cell(checked.tx_hash, href=link(tx=checked.tx_hash))),
        ("Says", prose.sentence(checked.document, lens.amounts)),
        ("Block", Cell(lens.amounts.whole(checked.height), href=link(block=checked.height))),
        ("Mined", lens.clock.exact(checked.time_ms)),
        ("Log", checked.origin),
        ("Signed with", checked.key),
    ]
