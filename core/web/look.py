"""The lab's mark and the few rules that make Streamlit's page dense; colours are the theme's."""

from __future__ import annotations

import streamlit as st

MARK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32">'
    '<rect width="32" height="32" rx="7" fill="#1d4ed8"/>'
    '<path d="M17.6 4.5 7.5 18h6.6l-1.7 9.5L22.9 13.6h-6.8z" fill="#fff"/></svg>'
)

STYLE = """
<style>
[data-testid="stMainBlockContainer"] { padding-top: 2.5rem; padding-bottom: 2rem; }
[data-testid="stMain"] h1 { font-size: 1.75rem; padding: 0.25rem 0; }
[data-testid="stMain"] h2 { font-size: 1.35rem; }
[data-testid="stMain"] h3 { font-size: 1.1rem; }
[data-testid="stMain"] .st-key-door h1 { font-size: 1.5rem; }
.st-key-door [data-testid="stFormSubmitButton"] button { background: var(--st-primary-color); color: #fff; }
</style>
"""


def dress(title: str, *, wide: bool) -> None:
    """Set the page's title and icon, and its density."""
    st.set_page_config(
        page_title=title, page_icon=MARK, layout="wide" if wide else "centered", initial_sidebar_state=220
    )
    st.html(STYLE)
