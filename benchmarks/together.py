"""SendGrid with many emails in a request, against one in a request; and Klaviyo's bulk against its single events.

Through the adapters alone, on open connections to the sink: what a thousand emails cost the processor, and how long
they take where each answer takes 100 ms and eight threads send.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from benchmarks.common import Bench, Row, main, sink
from notifier.providers import make
from notifier.providers.base import Accepted, Bundling, Envelope

THREADS = 8
LATENCY_MS = 100
Send = Callable[[Bundling, Sequence[Envelope]], None]
NOW = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
EMAIL = Envelope(
    message_id="m",
    store_id="store",
    kind="countdown",
    sender="Bench <bench@shop.example>",
    to="c@customer.example",
    to_name="Jane Doe",
    subject="Order 1042: 7 days to go",
    html="<p>" + "Your order is on its way to us. " * 200 + "</p>",
    text="Your order is on its way to us.\n" * 40,
    occurred_at=NOW,
)


def measure(bench: Bench) -> Iterable[Row]:
    if bench.db == "sqlite":  # no database takes part: once is enough
        return
    count = bench.count(1000, 100)
    emails = [replace(EMAIL, message_id=f"m{n}", to=f"c{n}@customer.example") for n in range(count)]
    # The bulk of Klaviyo holds 4.5 MB, so these go in as many as they fill.
    for vendor in ("sendgrid", "klaviyo"):
        with sink() as near, sink(LATENCY_MS) as far:
            alone, together = (
                _timed(vendor, near, emails, send, time.process_time) for send in (_each, _all)
            )
            yield Row(
                f"{vendor}: CPU of {count} emails together",
                f"{together * 1000:.0f} ms",
                f"alone {alone * 1000:.0f} ms",
                alone / together,
            )
            slow, quick = (_timed(vendor, far, emails, send, time.monotonic) for send in (_each, _all))
            yield Row(
                f"{vendor}: {count} emails together, {LATENCY_MS} ms an answer",
                f"{quick:.2f} s",
                f"alone, {THREADS} at a time, {slow:.2f} s",
                slow / quick,
            )


def _each(provider: Bundling, emails: Sequence[Envelope]) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        outcomes = list(threads.map(lambda email: provider.send(email, NOW), emails))
    assert {type(outcome) for outcome in outcomes} == {Accepted}


def _all(provider: Bundling, emails: Sequence[Envelope]) -> None:
    left = list(emails)
    while left:
        outcomes = provider.send_many(left, NOW)
        assert isinstance(outcomes[0], Accepted)
        left = [
            email for email, outcome in zip(left, outcomes, strict=True) if not isinstance(outcome, Accepted)
        ]


def _timed(
    vendor: str, address: str, emails: Sequence[Envelope], send: Send, clock: Callable[[], float]
) -> float:
    provider = make(vendor, api_key="SG.bench.bench", base_url=address, templates={"countdown": "d-1"})
    assert isinstance(provider, Bundling)
    send(provider, emails[:1])  # connects
    began = clock()
    send(provider, emails)
    took = clock() - began
    provider.close()
    return took


if __name__ == "__main__":
    main(measure)
