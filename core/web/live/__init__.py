"""The live page: one immutable screen built for everybody, and its tables."""
