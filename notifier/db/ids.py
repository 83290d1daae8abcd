"""Names of rows: a prefix that says what it is, and a UUIDv7, so that ids sort by when they were made."""

from uuid_utils import uuid7


def new_id(prefix: str) -> str:
    return f"{prefix}_{uuid7().hex}"
