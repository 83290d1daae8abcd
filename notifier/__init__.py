"""Notifier keeps the customers of backordered goods told: what to expect, when, and why."""

__version__ = "0.1.0"
