"""Floor 3: JSON for stores. A route parses, calls one use case, and returns."""

from notifier.api.app import create_app

__all__ = ["create_app"]
