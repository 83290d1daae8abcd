"""What follows for orders that are new. Those that differ in nothing that planning looks at are planned once.

Sharing is a memo and never another rule: an order whose plan may depend on more than its shape is planned by itself.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from notifier.domain.law import standing
from notifier.domain.law.duties import next_look
from notifier.domain.law.standing import Standing
from notifier.domain.message import Draft, Said
from notifier.domain.order import Facts
from notifier.domain.plan import plan
from notifier.domain.policy import Policy
from notifier.domain.waiting import look_after

KEPT = 1000
"""How many shapes of orders are remembered, of some nine kilobytes each; more are planned each time."""


@dataclass(frozen=True, slots=True, eq=False)
class Prospect:
    """What follows for every order of one shape: lines are meant by their position, never by their id.

    `emails` are (an email, what it says of which line), in the order in which they are due; `standings` are the lines';
    `replan_at` is when the order must be looked at again.
    """

    emails: tuple[tuple[Draft, Mapping[int, Said]], ...]
    standings: tuple[Standing, ...]
    replan_at: datetime | None


class Prospects:
    """Those of one store's new orders, at one instant: all are registered `now`."""

    def __init__(self, policy: Policy, now: datetime) -> None:
        self._policy, self._now, self._today = policy, now, now.astimezone(UTC).date()
        self._known: dict[Hashable, Prospect] = {}

    def of(self, facts: Facts) -> Prospect:
        """What follows for this order, of which nothing is known but what was registered."""
        shape = self._shape(facts)
        if shape is None:
            return self._planned(facts)
        known = self._known.get(shape)
        if known is None:
            known = self._planned(facts)
            if len(self._known) < KEPT:
                self._known[shape] = known
        return known

    def _shape(self, facts: Facts) -> Hashable | None:
        """All that the plan depends on; None where that is more than the days and the place.

        While every promised day lies ahead, in any zone, nothing can have ended in law: so no money is owed, and
        nothing asks what was paid, what units cost, how many they are, or when the order was placed.
        """
        lines = []
        for line in facts.lines:
            if line.promised is None or line.promised <= self._today:
                return None
            own = line.sku if line.sku in self._policy.skus else None
            lines.append((line.eta.latest, line.eta.earliest, line.promised, line.essential_date, own))
        customer = facts.customer
        return customer.timezone, customer.country, facts.card, facts.seller_credit, *lines

    def _planned(self, facts: Facts) -> Prospect:
        policy, now = self._policy, self._now
        standings = {line.id: standing(facts, line, policy, now) for line in facts.lines}
        wanted = plan(facts, policy, now, standings)
        place = {line.id: position for position, line in enumerate(facts.lines)}
        return Prospect(
            tuple((it, {place[id_]: said for id_, said in it.says.items()}) for it in wanted),
            tuple(standings.values()),
            look_after(wanted, next_look(facts, policy, standings, now), now),
        )
