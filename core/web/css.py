"""The lab's mark and the few rules that make Streamlit's page dense; colours are the theme's."""

from __future__ import annotations

import streamlit as st

PRODUCT = "P2P Energy Trading Lab"
ACCENT = "#1d4ed8"
_BOLT = (
    f'<rect width="32" height="32" rx="7" fill="{ACCENT}"/>'
    '<path d="M17.6 4.5 7.5 18h6.6l-1.7 9.5L22.9 13.6h-6.8z" fill="#fff"/>'
)
MARK = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32">{_BOLT}</svg>'
INK = {"dark": "#e6eaf3", "light": "#1b2230"}

STYLE = f"""
<style>
[data-testid="stMainBlockContainer"] {{ padding-top: 2.5rem; padding-bottom: 2rem; }}
@media (max-width: 640px) {{ [data-testid="stMainBlockContainer"] {{ padding-top: 4.5rem; }} }}
@media (min-width: 900px) {{
  [data-testid="stMainBlockContainer"] {{ padding-left: 2rem; padding-right: 2rem; }}
}}
[data-testid="stMain"] h1 {{ font-size: 1.5rem; padding: 0.15rem 0; }}
[data-testid="stLayoutWrapper"]:has(> .st-key-compare_run_bar) {{
  position: sticky; bottom: 0; z-index: 5; padding: 0.5rem 0; background: light-dark(#ffffff, #0e1320);
}}
[data-testid="stSidebarNavLink"]:focus-visible {{
  outline: 2px solid light-dark(#1d4ed8, #7aa2ff); outline-offset: 1px;
}}
.lab-answer {{ margin: 0; font-size: 0.95rem; line-height: 1.5; }}
.lab-answer a {{ color: light-dark(#1d4ed8, #8fb0ff); text-decoration: underline; text-underline-offset: 2px; }}
[data-testid="stMain"] h2 {{ font-size: 1.15rem; padding: 0.4rem 0; }}
[data-testid="stMain"] h3 {{ font-size: 1.1rem; }}
.st-key-sign_in_form {{ margin-top: 7vh; }}
[data-testid="stMain"] :is([data-testid^="stBaseButton-primary"]:enabled, [data-testid="stMultiSelect"] [data-tag]),
.st-key-sign_in_form [data-testid="stFormSubmitButton"] button {{
  background: {ACCENT}; border-color: {ACCENT}; color: #fff;
}}
</style>
"""


def page_style(title: str, *, wide: bool) -> None:
    """Set the page's title and icon, and its density."""
    st.set_page_config(
        page_title=title, page_icon=MARK, layout="wide" if wide else "centered", initial_sidebar_state=240
    )
    st.html(STYLE)


def wordmark() -> str:
    """The mark with the product's name, in the ink of the theme the page is shown in."""
    ink = INK["dark" if st.context.theme.type == "dark" else "light"]
    name = (
        f'<text x="44" y="22" font-family="sans-serif" font-size="17" font-weight="600" fill="{ink}">{PRODUCT}</text>'
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 250 32" width="250" height="32">{_BOLT}{name}</svg>'
