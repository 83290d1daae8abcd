"""How much is owed back. The order: three red ornaments at 9.50 and one lamp at 20.00, in one parcel or two."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from notifier.domain.law import refunds_owed, standing
from notifier.domain.law.money import total_paid
from notifier.domain.order import Done, Facts, Refund
from tests.domain.builders import a_cancellation, a_line, a_policy, a_shipment, an_order, on

DUE = date(2026, 4, 20)
NOW = on(3, 25)


def two_lines(**fields: Any) -> Facts:
    ornament = a_line(DUE, promised=DUE, quantity=3, unit_price=Decimal("9.50"))
    lamp = a_line(DUE, promised=DUE, line_id="b", unit_price=Decimal("20.00"))
    return an_order(ornament, lamp, currency="USD", **fields)


def owed(facts: Facts) -> dict[str, Decimal | None]:
    return {line: it.amount for line, it in refunds_owed(facts, a_policy(), NOW).items()}


def cents(amount: str) -> Decimal:
    return Decimal(amount)


LAMP_OFF = a_cancellation(on(3, 20), 1, "b")
ALL_OFF = (a_cancellation(on(3, 20), 3), a_cancellation(on(3, 21), 1, "b"))
ORNAMENTS_SHIPPED = (a_shipment(on(3, 19), 3),)

CASES = [
    ("nothing cancelled", {}, {}),
    ("some units, at their price", {"cancellations": (a_cancellation(on(3, 20), 2),)}, {"a": "19.00"}),
    ("everything, shipping included", {"cancellations": ALL_OFF, "shipping_paid": cents("4.95")},
     {"a": "28.50", "b": "24.95"}),
    ("a part shipped: shipping it alone would have cost the same",
     {"cancellations": (LAMP_OFF,), "shipments": ORNAMENTS_SHIPPED, "shipping_paid": cents("4.95")}, {"b": "20.00"}),
    ("tax goes with the prices",
     {"cancellations": (LAMP_OFF,), "paid": cents("57.33"), "shipping_paid": cents("4.95")}, {"b": "21.60"}),
    ("all that was paid, to the cent", {"cancellations": ALL_OFF, "paid": cents("50.00")},
     {"a": "29.39", "b": "20.61"}),
    ("nothing was charged", {"cancellations": ALL_OFF, "paid": Decimal(0)}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("happened", "amounts"), [pytest.param(it[1], it[2], id=it[0]) for it in CASES])
def test_what_is_owed(happened: dict[str, Any], amounts: dict[str, str]) -> None:
    assert owed(two_lines(**happened)) == {line: Decimal(amount) for line, amount in amounts.items()}


def refund(amount: str, at: Any = None) -> Refund:
    return Refund(at or on(3, 22), Decimal(amount), "USD")


def test_a_refund_covers_the_oldest_right_first_and_the_rest_stays_owed() -> None:
    facts = two_lines(cancellations=ALL_OFF, refunds=(refund("30.00"),))
    assert owed(facts) == {"b": Decimal("18.50")}
    assert standing(facts, facts.lines[0], a_policy(), NOW).state == "refunded"
    assert standing(facts, facts.lines[1], a_policy(), NOW).state == "cancelled"
    assert owed(replace(facts, refunds=(refund("28.50"), refund("20.00")))) == {}


def test_a_refund_that_was_sent_before_the_cancellation_was_reported_counts() -> None:
    facts = two_lines(cancellations=(LAMP_OFF,), refunds=(refund("20.00", on(3, 19)),))
    assert owed(facts) == {}


def test_a_refund_of_too_little_leaves_the_duty() -> None:
    facts = two_lines(cancellations=(LAMP_OFF,), refunds=(refund("5.00"),))
    found = standing(facts, facts.lines[1], a_policy(), NOW)
    assert (found.state, found.refund_by) == ("cancelled", date(2026, 3, 31))
    assert owed(facts) == {"b": Decimal("15.00")}


def test_a_person_s_word_ends_it() -> None:
    done = Done(on(3, 22), "refund", "b", "the customer took another lamp")
    facts = two_lines(cancellations=ALL_OFF, done=(done,))
    assert owed(facts) == {"a": Decimal("28.50")}
    assert standing(facts, facts.lines[1], a_policy(), NOW).state == "refunded"


def test_without_prices_any_refund_since_counts() -> None:
    facts = an_order(a_line(DUE, promised=DUE), cancellations=(a_cancellation(on(3, 20)),))
    assert owed(facts) == {"a": None}
    assert total_paid(facts) is None
    assert owed(replace(facts, refunds=(refund("1.00"),))) == {}


def test_of_one_line_what_was_paid_tells_the_price() -> None:
    line = a_line(DUE, promised=DUE, quantity=2)
    facts = an_order(
        line, cancellations=(a_cancellation(on(3, 20)),), paid=cents("25.00"), shipping_paid=cents("5")
    )
    assert owed(facts) == {"a": Decimal("10.00")}


def test_no_law_asks_for_nothing() -> None:
    assert refunds_owed(two_lines(cancellations=ALL_OFF), a_policy(jurisdiction="none"), NOW) == {}
