"""Everything kept in the database; the only package with SQL."""

from core.store.database import Store, metadata

__all__ = ["Store", "metadata"]
