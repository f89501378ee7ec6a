"""Who may come in, as whom, and for how long."""

from core.accounts.accounts import Accounts
from core.accounts.imported import hashes_from
from core.accounts.people import ROLES, Identity, User, may
from core.accounts.sessions import Session, Sessions
from core.accounts.tokens import SCOPES, Token, Tokens

__all__ = [
    "ROLES",
    "SCOPES",
    "Accounts",
    "Identity",
    "Session",
    "Sessions",
    "Token",
    "Tokens",
    "User",
    "hashes_from",
    "may",
]
