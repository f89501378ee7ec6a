"""The embedded broker lets in whoever knows the generated user name and password, and nobody else."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Any

from amqtt.plugins.base import BaseAuthPlugin


class PasswordPlugin(BaseAuthPlugin):  # type: ignore[misc]  # amqtt has no types
    """One user name and password, compared in constant time.

    A session that signed in is not anonymous, so amqtt keeps its QoS 1 messages while it is away.
    """

    @dataclass
    class Config:
        """What amqtt hands over from the broker's configuration."""

        username: str = ""
        password: str = field(default="", repr=False)

    async def authenticate(self, *, session: Any) -> bool:
        """Whether the session may connect."""
        session.is_anonymous = False
        return _same(session.username, self.config.username) and _same(session.password, self.config.password)


def _same(found: str | None, expected: str) -> bool:
    return bool(expected) and hmac.compare_digest((found or "").encode(), expected.encode())
