"""The one script of ours in any page: it trades the ticket of a sign-in for the session's cookie.

Its text never changes, so that its hash alone is allowed by the content security policy; the ticket is in the page.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import streamlit as st

INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)

SCRIPT = """
(async () => {
  const ticket = document.getElementById("lab-ticket");
  if (!ticket || ticket.dataset.sent) return;
  ticket.dataset.sent = "yes";
  const answer = await fetch("/session", {method: "POST", headers: {"X-Ticket": ticket.dataset.ticket}});
  if (answer.ok) location.reload();
})();
"""


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


SCRIPT_HASH = _hash(SCRIPT)


def streamlit_script_hashes() -> list[str]:
    """The hashes of the scripts inside Streamlit's own page, read from the installed package."""
    page = Path(st.__file__).with_name("static") / "index.html"
    return [_hash(script) for script in INLINE.findall(page.read_text(encoding="utf-8"))]


def trade(ticket: str) -> None:
    """Put the ticket and the script into the page; it loads anew with its cookie."""
    page = f'<div id="lab-ticket" data-ticket="{ticket}">Signing in …</div><script>{SCRIPT}</script>'
    st.html(page, unsafe_allow_javascript=True)
