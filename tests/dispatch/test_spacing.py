"""One customer, several orders: what they get in all, whatever the case of the letters of their address."""

from datetime import datetime

import pytest

from notifier.domain.message import WAITING_SERIES, Kind
from tests.house import NOON, House


def on_one_day(house: House, *emails: str, eta: str = "2026-12-20") -> list[str]:
    """Orders with one date, as many as addresses; what they are first told has left."""
    line = {"sku": "A", "name": "A", "quantity": 1, "eta": eta}
    ids = [
        house.register(f"{number}", customer={"email": email, "country": "CH"}, lines=[line])
        for number, email in enumerate(emails, 1)
    ]
    house.dispatch()
    return ids


def until(house: House, day: int, hour: int = 9) -> None:
    """Every hour's work up to that hour of December."""
    while house.clock.now < NOON.replace(day=day, hour=hour):
        house.clock.pass_time(hours=1)
        house.turn()


def reminders(house: House) -> list[tuple[str, datetime]]:
    sent = [row for row in house.messages() if Kind(row.kind) in WAITING_SERIES and row.sent_at]
    return sorted(((row.backorder_id, row.sent_at) for row in sent if row.sent_at), key=lambda it: it[1])


def test_three_orders_with_one_date_each_keep_every_countdown_for_which_there_is_room(house: House) -> None:
    house.set_policy(countdown_days=[7], waiting_every_days=None)
    ids = on_one_day(house, "jane@example.com", "Jane@Example.com", "JANE@example.com")
    until(house, 21)
    assert [id_ for id_, _ in reminders(house)] == ids
    assert [at.day for _, at in reminders(house)] == [13, 14, 15]


def test_the_last_milestone_of_a_second_order_goes_on_the_day_itself(house: House) -> None:
    house.set_policy(countdown_days=[1], waiting_every_days=None)
    ids = on_one_day(house, "jane@example.com", "jane@example.com")
    until(house, 21)
    assert [(id_, at.day) for id_, at in reminders(house)] == [(ids[0], 19), (ids[1], 20)]
    assert house.message("countdown:2026-12-19", ids[1]).subject == "Order 2 ships today, 20 December 2026"


@pytest.mark.parametrize(
    ("most", "days"),
    [
        (5, [13, 14, 17, 18, 19, 20]),
        (3, [13, 14, 17, 20]),  # the week is full on the 18th and the 19th
    ],
)
def test_all_orders_of_a_customer_together_get_no_more_in_a_week_than_the_cap(
    house: House, most: int, days: list[int]
) -> None:
    house.set_policy(countdown_days=[7, 3, 1], max_per_week=most, waiting_every_days=None)
    on_one_day(house, "jane@example.com", "Jane@example.com")
    until(house, 21)
    assert [at.day for _, at in reminders(house)] == days


def test_a_countdown_makes_room_for_word_of_a_delay_of_another_order(house: House) -> None:
    house.set_policy(countdown_days=[7], waiting_every_days=None)
    one, other = on_one_day(house, "jane@example.com", "Jane@Example.com")
    until(house, 13, 8)
    house.move(other, "2027-01-20", "A")
    until(house, 21)
    assert house.message("delay:1", other).sent_at == NOON.replace(day=13, hour=9)
    counted = house.message("countdown:2026-12-13", one)
    assert counted.sent_at == NOON.replace(day=14, hour=9)
    assert "waits: the customer hears of a moved date on this day" in [
        reason for _, _, reason in house.history(counted)
    ]
