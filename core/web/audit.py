"""What pages and routes do outside a service's own database transaction is chained too, by ids only."""

from __future__ import annotations

import logging
import time

from core.accounts import User
from core.exchange import current
from core.ledger.transaction import audit

log = logging.getLogger(__name__)


def record(user: User, action: str, *, subject: str) -> None:
    """Log that the user did this to the subject, and add it to the pending pool."""
    at_ms = time.time_ns() // 1_000_000
    current().pool.submit([audit(action=action, actor=user.user_id, subject=subject[:128], at_ms=at_ms)])
    log.info("user %s: %s", user.user_id, action)
