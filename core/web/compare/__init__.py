"""The Compare page's parts: what is read, chosen, run, drawn and taken away; `pages/compare.py` only lines them up."""
