"""What the law on late orders asks, as pure functions of an order's facts. Nothing of it is stored."""

from datetime import datetime

from notifier.domain.law import eu, us_ftc
from notifier.domain.law.course import course
from notifier.domain.law.money import Owed, owed
from notifier.domain.law.standing import NO_LAW, Standing
from notifier.domain.order import Facts, Line
from notifier.domain.policy import Policy, jurisdiction

LAWS = {"us-ftc": us_ftc.standing, "eu": eu.standing}
RIGHTS = {"us-ftc": us_ftc.rights, "eu": eu.rights}


def standing(facts: Facts, line: Line, policy: Policy, now: datetime) -> Standing:
    """Where one line stands in the law that the policy and the customer's country choose.

    `now` is aware; facts after it have not happened. The same facts give the same answer in any order, and
    between two facts the answer changes only at its own `changes_at`.
    """
    law = LAWS.get(jurisdiction(policy, facts.customer.country), _no_law)
    return law(facts, line, now)


def refunds_owed(facts: Facts, policy: Policy, now: datetime) -> dict[str, Owed]:
    """By line id, the money that the law wants sent back and that has not been; none where no law is chosen."""
    rights = RIGHTS.get(jurisdiction(policy, facts.customer.country))
    return owed(facts, lambda line: rights(facts, line, now), now) if rights else {}


def _no_law(facts: Facts, line: Line, now: datetime) -> Standing:
    units = course(facts, line, now)
    if units.shipped:
        return Standing("shipped")
    return Standing("cancelled" if units.closed_at else NO_LAW)
