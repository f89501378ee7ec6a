"""Datasets people bring, and comparisons of algorithms that run in processes of their own."""
