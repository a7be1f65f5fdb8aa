"""Points in time, as records and the files of others write them."""

from datetime import UTC, datetime


def in_utc(text: str) -> datetime | None:
    """ISO 8601 text as a time in UTC, which it is in where it states no zone; None if it cannot be read."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
