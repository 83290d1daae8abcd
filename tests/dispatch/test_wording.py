"""Emails speak of the law that the planner and the page go by: the policy's, else the customer's country's."""

import pytest

from notifier.db.tables import Store
from tests.house import House

SEVEN_WORKING_DAYS = "within seven working days"
FOURTEEN_DAYS = "without delay and within 14 days"


@pytest.mark.parametrize(
    ("jurisdiction", "country", "promise"),
    [
        ("auto", "US", SEVEN_WORKING_DAYS),
        ("auto", "DE", FOURTEEN_DAYS),
        ("auto", "CH", None),
        ("auto", None, SEVEN_WORKING_DAYS),
        ("eu", "US", FOURTEEN_DAYS),
        ("none", "US", None),
        ("none", "DE", None),
        ("us-ftc", "DE", SEVEN_WORKING_DAYS),
        ("eu", "CH", FOURTEEN_DAYS),
        ("eu", None, FOURTEEN_DAYS),
    ],
)
def test_money_is_promised_as_the_law_that_the_policy_chooses_has_it(
    house: House, jurisdiction: str, country: str | None, promise: str | None
) -> None:
    house.set_policy(jurisdiction=jurisdiction)
    if country is None:
        with house.writing() as session:
            session.get_one(Store, house.store_id).country = None
    backorder_id = house.register(customer={"email": "jane@example.com", "locale": "en", "country": country})
    house.cancel(backorder_id)
    house.dispatch()
    (email,) = (sent for sent in house.provider.taken if sent.kind == "cancelled")
    for words in (email.html, email.text):
        found = [days for days in (SEVEN_WORKING_DAYS, FOURTEEN_DAYS) if days in " ".join(words.split())]
        assert found == ([promise] if promise else [])


@pytest.mark.parametrize(
    ("jurisdiction", "country", "kind", "asked"),
    [
        ("us-ftc", "DE", "consent", True),
        ("eu", "US", "delay", False),
        ("none", "US", "delay", False),
        ("auto", "US", "consent", True),
    ],
)
def test_a_long_delay_asks_for_a_yes_only_under_the_law_that_wants_one(
    house: House, jurisdiction: str, country: str, kind: str, asked: bool
) -> None:
    house.set_policy(jurisdiction=jurisdiction)
    backorder_id = house.register(customer={"email": "jane@example.com", "locale": "en", "country": country})
    house.dispatch()
    house.move(backorder_id, "2027-03-01", reason="late")
    house.clock.pass_time(hours=1)
    house.turn()
    email = house.provider.taken[-1]
    assert email.kind == kind
    assert ("We will cancel automatically" in " ".join(email.text.split())) == asked
