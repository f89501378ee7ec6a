"""The script behind every page. No `pages/` folder lies beside it: Streamlit would open those without this frame."""

from core.web.frame import draw

draw()
