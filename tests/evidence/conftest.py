"""The stage of these tests."""

from tests.house import house

__all__ = ["house"]
