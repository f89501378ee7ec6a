"""Everything kept in the database; the only package with SQL."""

from core.store import accounts as _accounts  # noqa: F401  (declares its tables)
from core.store import datasets as _datasets  # noqa: F401  (declares its tables)
from core.store import feed as _feed  # noqa: F401  (declares its tables)
from core.store import meters as _meters  # noqa: F401  (declares its tables)
from core.store import pool as _pool  # noqa: F401  (declares its tables)
from core.store import quarantine as _quarantine  # noqa: F401  (declares its tables)
from core.store import runs as _runs  # noqa: F401  (declares its tables)
from core.store import shares as _shares  # noqa: F401  (declares its tables)
from core.store import tip as _tip  # noqa: F401  (declares its tables)
from core.store.database import Store, metadata

__all__ = ["Store", "metadata"]
