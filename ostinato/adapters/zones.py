"""Time zones by name, and the machine's own."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def find_zone(name: str) -> tzinfo | None:
    """None where the machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def own_zone() -> tzinfo:
    """What programs here mean by a clock time without a zone."""
    return datetime.now(UTC).astimezone().tzinfo or UTC
