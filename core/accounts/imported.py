"""Reads the users of a streamlit-authenticator credentials file: names and bcrypt hashes, nothing else of it."""

from __future__ import annotations

import yaml

from core.errors import InputError, TooLargeError

LARGEST = 1_000_000
FORM = "Give a file such as credentials: {usernames: {anna: {password: $2b$12$…}}}."


def hashes_from(content: bytes) -> dict[str, str]:
    """User name to bcrypt hash. Raises InputError naming what is missing; plain passwords are not taken."""
    if len(content) > LARGEST:
        raise TooLargeError(f"The file has {len(content):,} bytes, expected at most {LARGEST:,}.")
    try:
        document = yaml.safe_load(content)
        users = document["credentials"]["usernames"]
        return {str(name): str(user["password"]) for name, user in users.items()}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}" if mark else ""
        raise InputError(f"The file is not YAML{place}.", fix=FORM) from None
    except (KeyError, TypeError, AttributeError):
        raise InputError("The file has no credentials with usernames and their passwords.", fix=FORM) from None
