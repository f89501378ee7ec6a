"""The foot of the side bar: how many blocks are verified, what is wrong if something is, and "Verify now"."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from core.chain import Chain
from core.chain.records import ChainStatus
from core.exchange import current
from core.health import alerts
from core.ledger.verify import Replay, Verdict
from core.web.escape import markdown
from core.web.format import Amounts, Clock, amounts_of
from core.web.session import still_signed_in

LEVEL = 2
"""What "Verify now" checks: every byte, header, proof of work and link, and every Merkle root."""
REFRESH_S = 15.0
DUE_SHARE, DUE_MS = 0.02, 60_000
"""The ledger is verified again when it has grown by this share, but not more often than this."""
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
    found = _present(status, clock, amounts=amounts)
    if status.problems:
        sentence = f"{' '.join(status.problems)} {found.word}: {found.sentence}"
        return Trust("Look here", "orange", ":material/warning:", sentence)
    return found


def _present(status: ChainStatus, clock: Clock, *, amounts: Amounts) -> Trust:
    """How far the ledger is verified, and the notice if there is one."""
    notice = f" {status.notice}" if status.notice else ""
    if status.verifying is not None:
        return Trust(
            "Verifying", "gray", ":material/progress_activity:", f"{status.verifying:.0%} of the ledger.{notice}"
        )
    if status.verified_at_ms is None or status.verified_height is None:
        sentence = f"The ledger ends at block {amounts.whole(status.height)}.{notice}"
        return Trust("Not verified yet", "gray", ":material/hourglass_empty:", sentence)
    blocks, sound = status.height + 1, status.verified_height + 1
    of = f"{amounts.whole(sound)} of " if sound < blocks else ""
    at = clock.time(status.verified_at_ms)
    return Trust(
        "Verified", "green", ":material/verified_user:", f"{of}{amounts.count(blocks, 'block')} sound, {at}.{notice}"
    )


def is_due(status: ChainStatus, *, now_ms: int) -> bool:
    """Whether so much has been added since the last verification that the whole file is to be verified again."""
    if status.verified_height is None or status.verified_at_ms is None or status.verifying is not None:
        return False
    behind = status.height - status.verified_height
    return behind > status.verified_height * DUE_SHARE and now_ms - status.verified_at_ms >= DUE_MS


@st.fragment(run_every=REFRESH_S)
def trust_bar() -> None:
    """The state, and the button that checks it now; the ledger is verified again as it grows."""
    still_signed_in()
    exchange = current()
    clock, amounts = Clock(exchange.settings.time_zone), amounts_of(exchange.settings)
    status = exchange.chain.status()
    if is_due(status, now_ms=time.time_ns() // 1_000_000):
        exchange.chain.start_verification()
    with st.container(gap="xsmall", key="trust_bar"):
        said = st.empty()
        asked = st.button(
            "Verify now",
            key="verify_now",
            type="tertiary",
            icon=":material/fact_check:",
            help=HELP,
            disabled=status.verifying is not None,
        )
    if asked:
        show_verdict(verify_with_progress(exchange.chain, LEVEL, amounts=amounts), amounts)
    found = trust(exchange.chain.status(), clock, amounts=amounts)
    sentence = markdown(found.sentence, limit=LONGEST)
    said.markdown(
        f":{found.colour}[{found.icon}] :small[{'' if found.colour == 'green' else found.word + ': '}{sentence}]"
    )


def warn() -> None:
    """On every page, where nobody can miss it: what is wrong with the ledger, and which part of the lab fails."""
    exchange = current()
    status = exchange.chain.status()
    if status.damage is not None or not status.writable:
        found = trust(status, Clock(exchange.settings.time_zone), amounts=amounts_of(exchange.settings))
        (st.error if status.damage else st.warning)(markdown(found.sentence, limit=LONGEST), icon=found.icon)
    for sentence in alerts(exchange):
        st.warning(markdown(sentence, limit=LONGEST), icon=":material/notification_important:")


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
