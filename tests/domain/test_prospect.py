"""What follows for a new order is the same whether it is planned by itself or along with others of its shape."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.law import standing
from notifier.domain.law.duties import next_look
from notifier.domain.order import Customer, Facts, Line
from notifier.domain.plan import plan
from notifier.domain.policy import Policy
from notifier.domain.prospect import Prospect, Prospects
from notifier.domain.waiting import look_after
from tests.domain.builders import PLACED, a_line, a_policy, an_order
from tests.domain.strategies import orders, policies, zones


def by_itself(facts: Facts, policy: Policy) -> tuple[object, ...]:
    now = facts.registered_at
    standings = {line.id: standing(facts, line, policy, now) for line in facts.lines}
    wanted = plan(facts, policy, now)
    place = {line.id: position for position, line in enumerate(facts.lines)}
    emails = [(replace(it, says={}), {place[id_]: said for id_, said in it.says.items()}) for it in wanted]
    clock = next_look(facts, policy, standings, now)
    return emails, list(standings.values()), look_after(wanted, clock, now)


def foretold(prospect: Prospect) -> tuple[object, ...]:
    emails = [(replace(draft, says={}), dict(says)) for draft, says in prospect.emails]
    return emails, list(prospect.standings), prospect.replan_at


def a_twin(facts: Facts, number: int, policy: Policy) -> Facts:
    """Another order of the same shape: what planning does not look at is all different."""

    def line(it: Line) -> Line:
        return replace(
            it,
            id=f"{it.id}{number}",
            sku=it.sku if it.sku in policy.skus else f"{it.sku}{number}",
            name="Something else",
            quantity=it.quantity + number,
            unit_price=Decimal(number),
            eta_reason="held at customs",
        )

    customer = facts.customer
    return replace(
        facts,
        backorder_id=f"b{number}",
        order_id=f"order {number}",
        placed_at=facts.placed_at - timedelta(hours=7 * number),
        customer=Customer("bob@example.com", "Bob", "de", customer.timezone, customer.country),
        lines=tuple(map(line, facts.lines)),
        currency="EUR",
        paid=Decimal(100 + number),
        shipping_paid=Decimal(number),
    )


@given(st.lists(orders(), min_size=1, max_size=3), policies, zones)
def test_sharing_changes_nothing(drawn: list[Facts], policy: Policy, zone: str) -> None:
    now = drawn[0].registered_at
    prospects = Prospects(policy, now)
    for facts in drawn:
        lines = tuple(replace(line, eta_changed_at=now) for line in facts.lines)
        first = replace(facts, registered_at=now, lines=lines, store_timezone=zone)
        for one in (first, *(a_twin(first, number, policy) for number in (1, 2))):
            assert foretold(prospects.of(one)) == by_itself(one, policy)


def test_orders_of_one_shape_are_planned_once_and_no_others() -> None:
    first = an_order(a_line(date(2026, 3, 20), promised=date(2026, 3, 20)))
    policy = a_policy()
    prospects = Prospects(policy, PLACED)
    shared = prospects.of(first)
    assert prospects.of(a_twin(first, 1, policy)) is shared
    (line,) = first.lines
    others = [
        replace(first, customer=replace(first.customer, timezone="Asia/Tokyo")),
        replace(first, customer=replace(first.customer, country="DE")),
        replace(first, lines=(replace(line, promised=date(2026, 3, 21)),)),
        replace(first, lines=(line, replace(line, id="b", sku="B"))),
        replace(first, lines=(replace(line, essential_date=True),)),
        replace(first, seller_credit=True),
    ]
    assert len({prospects.of(other) for other in others} | {shared}) == len(others) + 1


def test_shapes_beyond_those_that_are_remembered_are_planned_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("notifier.domain.prospect.KEPT", 1)
    first, second = (an_order(a_line(date(2026, 3, day), promised=date(2026, 3, day))) for day in (20, 21))
    prospects = Prospects(a_policy(), PLACED)
    assert prospects.of(first) is prospects.of(first)
    assert prospects.of(second) is not prospects.of(second)
    assert foretold(prospects.of(second)) == by_itself(second, a_policy())


def test_where_a_promised_day_is_here_or_none_was_named_each_order_is_planned_by_itself() -> None:
    for promised in (PLACED.date(), None):
        order = an_order(a_line(date(2026, 3, 20), promised=promised))
        prospects = Prospects(a_policy(), PLACED)
        assert prospects.of(order) is not prospects.of(order)
