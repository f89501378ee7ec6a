"""One transaction: what it says, its line byte for byte, its path to the block and the log, its receipt."""

from __future__ import annotations

import re
import time
from functools import partial

import streamlit as st

from core.chain.records import TransactionPage
from core.errors import LabError, NotFoundError
from core.ledger import canonical, receipt
from core.store.pool import PendingRow
from core.web.explorer import prose, search, tree
from core.web.explorer.lens import Lens, go
from core.web.explorer.times import ago
from core.web.table import html_facts
from core.web.text import foreign

WHOLE_HASH = re.compile(r"[0-9a-f]{64}")
LONGEST = 400


def draw(lens: Lens, subject: str) -> None:
    """The page of a transaction, mined or pending; the beginning of a hash is searched for."""
    tx_hash = subject.lower()
    if not WHOLE_HASH.fullmatch(tx_hash):
        search.draw(lens, subject)
        return
    try:
        page = lens.chain.transaction(tx_hash)
    except NotFoundError:
        waiting = lens.chain.pool.find(tx_hash)
        if not waiting:
            raise
        _draw_pending(lens, waiting[0])
        return
    _draw_mined(lens, page)


def _draw_pending(lens: Lens, row: PendingRow) -> None:
    st.subheader("Transaction", anchor=False)
    st.badge("Pending", icon=":material/hourglass_top:", color="orange")
    waited = ago(time.time() - row.submitted_at_ms / 1000)
    st.markdown(
        f"Accepted {waited} and stored durably; it is in a block within {lens.block_interval_s:g} s, "
        "unless very much is waiting."
    )
    st.code(row.tx_hash, language=None)
    document = canonical.decode(row.body)
    st.html(html_facts(prose.facts(document, lens.amounts, clock=lens.clock), name="What it says"))
    _draw_line(lens, row.body, title="The line as it will be in the file")


def _draw_mined(lens: Lens, page: TransactionPage) -> None:
    line, block = page.line, page.block
    st.subheader("Transaction", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge("Mined", icon=":material/check:", color="green")
        go(f"Block {lens.amounts.whole(block.height)}", block=block.height)
        go("All blocks")
    st.code(line.tx_hash, language=None)
    st.markdown(f"**{foreign(prose.sentence(line.document, lens.amounts), limit=LONGEST)}**")
    facts = prose.facts(line.document, lens.amounts, clock=lens.clock)
    st.html(html_facts([*facts, ("Place", _place(lens, page)), ("Mined", _mined(lens, page))], name="What it says"))
    _draw_checks(page)
    _draw_line(lens, line.body, title="The line as it is in the ledger file", offset=line.offset)
    _draw_proof(lens, page)


def _place(lens: Lens, page: TransactionPage) -> str:
    whole, block = lens.amounts.whole, page.block
    return f"number {whole(page.line.index)} of {whole(block.transactions)} in block {whole(block.height)}"


def _mined(lens: Lens, page: TransactionPage) -> str:
    """When, and how long after it was received."""
    received = prose.happened_at_ms(page.line.document)
    at = lens.clock.exact(page.block.time_ms)
    if received is None:
        return at
    return f"{at}, {lens.amounts.seconds(page.block.time_ms - received)} after it was received"


def _draw_checks(page: TransactionPage) -> None:
    wrong = [name for name, holds in page.checks.items() if not holds]
    if wrong:
        st.error(
            f"Recomputed from the file and not as recorded: {foreign(', '.join(wrong))}.", icon=":material/gpp_bad:"
        )
    else:
        st.badge("Hash, path and block recomputed: all hold", icon=":material/verified_user:", color="green")


def _draw_line(lens: Lens, body: bytes, *, title: str, offset: int | None = None) -> None:
    st.markdown(f"**{title}**", help="Canonical JSON: sorted keys, no spaces, integers only. These bytes are hashed.")
    st.code(body.decode(), language="json", wrap_lines=True)
    if offset is None:
        return
    whole = lens.amounts.whole
    st.caption(f"{whole(len(body))} bytes from byte {whole(offset)}. Recompute its hash without this app:")
    st.code(recompute(offset, len(body)), language="bash", wrap_lines=True)


def recompute(offset: int, length: int) -> str:
    """A shell command that prints the hash of the transaction whose line is at this place of the file."""
    return f"(printf '\\0'; tail -c +{offset + 1} ledger.json | head -c {length}) | sha256sum"


def _draw_proof(lens: Lens, page: TransactionPage) -> None:
    st.markdown(
        "**Proof**",
        help="The grey hashes are supplied, the blue ones recomputed: node = SHA-256(0x01, left, right), RFC 6962.",
    )
    try:
        made = lens.chain.receipt(page.line.tx_hash)
    except LabError as error:
        made = None
        st.caption(f"There is no receipt: {foreign(error, limit=LONGEST)}")
    left, right = st.columns(2)
    with left:
        st.caption(f"From the transaction to the root of block {lens.amounts.whole(page.block.height)}")
        ladder = tree.draw(
            page.line.tx_hash, page.steps, leaf_name="this transaction", root_name="tx_root of the block"
        )
        lens.show(ladder, key="tx_path", alt=_alt(len(page.steps), "the block's root"))
    if made is None:
        return
    header = lens.chain.block(page.block.height, limit=0).header
    leaf, steps = tree.log_steps(made, header)
    with right:
        st.caption("From the block's header to the root that the checkpoint signs")
        ladder = tree.draw(leaf, steps, leaf_name="header of the block", root_name="root of the log up to this block")
        lens.show(ladder, key="log_path", alt=_alt(len(steps), "the log's root"))
    st.download_button(
        "Download the receipt",
        partial(receipt.encode, made),
        file_name=f"receipt-{page.line.tx_hash[:16]}.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        help="With it anybody can check this transaction offline: python tools/verify_receipt.py receipt.json",
    )


def _alt(steps: int, root: str) -> str:
    return f"Merkle path of {steps} step{'s' if steps != 1 else ''} to {root}"
