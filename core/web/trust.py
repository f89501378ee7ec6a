"""The trust bar of every page: how far the ledger is verified, what is wrong if something is, and "Verify now"."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from core.chain import Chain
from core.chain.records import ChainStatus
from core.exchange import current
from core.ledger.verify import Replay, Verdict
from core.web.escape import markdown
from core.web.format import Amounts, Clock, amounts_of
from core.web.session import still_signed_in

LEVEL = 2
"""What "Verify now" checks: every byte, header, proof of work and link, and every Merkle root."""
REFRESH_S = 15.0
PROGRESS_S = 0.1
"""A progress bar moves at most this often: a verification reports every block."""
LONGEST = 400
LEVELS = {
    1: "every byte, header, proof of work and link",
    2: "also every Merkle root",
    3: "also every transaction parsed and encoded again",
    4: "also recorded runs replayed, where their dataset is at hand",
}
HELP = (
    "Recomputed from the ledger file itself, not from the index or the database. "
    + " · ".join(f"level {level}: {what}" for level, what in LEVELS.items())
    + ". Blocks mined after the last verification were checked while they were written."
)


@dataclass(frozen=True, slots=True)
class Trust:
    """What the bar says: a word, its colour and icon, and a sentence (plain text)."""

    word: str
    colour: Literal["green", "orange", "red", "gray"]
    icon: str
    sentence: str


def trust(status: ChainStatus, clock: Clock, *, amounts: Amounts) -> Trust:
    """What may be believed of the ledger now."""
    if status.damage is not None:
        return Trust("Damaged", "red", ":material/gpp_bad:", f"{status.damage} It is open for reading only.")
    if not status.writable:
        return Trust("Read-only", "orange", ":material/lock:", status.notice or "The ledger cannot be written now.")
    notice = f" {status.notice}" if status.notice else ""
    if status.verifying is not None:
        return Trust(
            "Verifying", "gray", ":material/progress_activity:", f"{status.verifying:.0%} of the ledger.{notice}"
        )
    if status.verified_at_ms is None or status.verified_height is None:
        sentence = f"The ledger ends at block {amounts.whole(status.height)}.{notice}"
        return Trust("Not verified yet", "gray", ":material/hourglass_empty:", sentence)
    behind = status.height - status.verified_height
    newer = f", {amounts.count(behind, 'block')} since" if behind > 0 else ""
    level, at = status.verified_level, clock.moment(status.verified_at_ms)
    sentence = f"to block {amounts.whole(status.verified_height)} at level {level}, {at}{newer}.{notice}"
    return Trust("Verified", "green", ":material/verified_user:", sentence)


@st.fragment(run_every=REFRESH_S)
def trust_bar() -> None:
    """One line: the state in a word, the sentence, and the button that checks it now."""
    still_signed_in()
    exchange = current()
    clock, amounts = Clock(exchange.settings.time_zone), amounts_of(exchange.settings)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="trust_bar"):
        word, sentence = st.empty(), st.empty()
        asked = st.button(
            "Verify now",
            key="verify_now",
            type="tertiary",
            icon=":material/fact_check:",
            help=HELP,
            disabled=exchange.chain.status().verifying is not None,
        )
    if asked:
        show_verdict(verify_with_progress(exchange.chain, LEVEL, amounts=amounts), amounts)
    found = trust(exchange.chain.status(), clock, amounts=amounts)
    word.badge(found.word, icon=found.icon, color=found.colour)
    sentence.caption(markdown(found.sentence, limit=LONGEST))


def verify_with_progress(chain: Chain, level: int, *, amounts: Amounts, replay: Replay | None = None) -> Verdict:
    """Verify the whole ledger while a bar shows how far it is."""
    bar = st.progress(0.0, text=f"Verifying at level {level} …")
    verdict = chain.verify(level, progress=_paced(bar.progress, amounts), replay=replay)
    bar.empty()
    return verdict


def show_verdict(verdict: Verdict, amounts: Amounts) -> None:
    """The result as a sentence; red names height and offset."""
    said = markdown(verdict.sentence, limit=LONGEST)
    if verdict.ok:
        st.success(f"{said} Took {verdict.seconds:.1f} s.", icon=":material/verified_user:")
        return
    place = f"Height {amounts.whole(verdict.height)}, byte {amounts.whole(verdict.offset)}."
    st.error(
        f"{said} {place} Keep the file as it is and compare it with a copy or an older checkpoint.",
        icon=":material/gpp_bad:",
    )


def _paced(move: Callable[[float, str], object], amounts: Amounts) -> Callable[[int, int], None]:
    moved_at = 0.0

    def progress(done: int, of: int) -> None:
        nonlocal moved_at
        now = time.monotonic()
        if now - moved_at >= PROGRESS_S:
            moved_at = now
            move(min(1.0, done / max(of, 1)), f"Verified {amounts.size(done)} of {amounts.size(of)}")

    return progress
