"""Which messages share a request with others, where their mail service takes many in one."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

from notifier.db.outbox import Claim
from notifier.providers.base import Bundling, Envelope

Going = tuple[Claim, Envelope, str]
"""A frozen message, and the account that it goes through."""


def bundled(
    service_of: Callable[[str], Bundling | None], batches: Iterable[Sequence[Going]]
) -> Iterator[list[list[Going]]]:
    """The batches again, each message in a parcel: by itself, or, where its mail service takes many, with others.

    Those that may be sent together are kept back until they fill a request, or nothing more comes.
    """
    services: dict[str, Bundling | None] = {}
    kept: defaultdict[tuple[str, Hashable], list[Going]] = defaultdict(list)
    for batch in batches:
        parcels: list[list[Going]] = []
        for item in batch:
            _, envelope, account = item
            if account not in services:
                services[account] = service_of(account)
            service = services[account]
            alike = service.together(envelope) if service else None
            if service is None or alike is None:
                parcels.append([item])
                continue
            kept[account, alike].append(item)
            if len(kept[account, alike]) >= service.most_together:
                parcels.append(kept.pop((account, alike)))
        yield parcels
    rest: list[list[Going]] = []
    for (account, _), items in kept.items():
        service = services[account]
        together = service is not None and len(items) >= service.fewest_together
        rest += [items] if together else [[item] for item in items]
    yield rest
