"""Datasets and background comparisons."""
