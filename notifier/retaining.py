"""What was kept for as long as the installation's settings say goes, in transactions of few rows."""

from datetime import timedelta
from threading import Event

from notifier.bootstrap import Services
from notifier.db import retention
from notifier.db.engine import transaction

YEAR = timedelta(days=365.25)


def retain(services: Services, stopping: Event) -> int:
    """Drop the words of emails, and orders, that are too old; how many orders went. Ends early when told to stop."""
    now, settings = services.clock(), services.settings
    place: str | None = ""
    while settings.keep_words_days and place is not None and not stopping.is_set():
        with transaction(services.engine) as session:
            place = retention.forget_words(session, now - timedelta(days=settings.keep_words_days), place)
    gone, place = 0, ""
    while settings.keep_orders_years and place is not None and not stopping.is_set():
        with transaction(services.engine) as session:
            place, count = retention.forget_orders(session, now - settings.keep_orders_years * YEAR, place)
        gone += count
    return gone
