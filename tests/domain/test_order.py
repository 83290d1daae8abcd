"""What an order is, from its lines; and what its customer believes, from its emails."""

from dataclasses import replace
from datetime import date

import pytest

from notifier.domain.eta import UNKNOWN, Eta
from notifier.domain.message import MOVES, Kind, Status, may_move
from notifier.domain.order import OrderStatus, baseline, told
from tests.domain.builders import a_line, a_message, an_order, on


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([(2, 0, 0)], OrderStatus.OPEN),
        ([(2, 1, 0)], OrderStatus.PARTLY_SHIPPED),
        ([(2, 0, 1)], OrderStatus.OPEN),
        ([(2, 2, 0)], OrderStatus.SHIPPED),
        ([(2, 1, 1)], OrderStatus.SHIPPED),
        ([(2, 0, 2)], OrderStatus.CANCELLED),
        ([(2, 2, 0), (1, 0, 0)], OrderStatus.PARTLY_SHIPPED),
        ([(2, 0, 2), (1, 0, 0)], OrderStatus.OPEN),
        ([(2, 0, 2), (1, 1, 0)], OrderStatus.SHIPPED),
    ],
)
def test_the_status_follows_from_units_shipped_and_cancelled(
    lines: list[tuple[int, int, int]], expected: OrderStatus
) -> None:
    facts = an_order(
        *(
            a_line(line_id=line_id, quantity=quantity, shipped=shipped, cancelled=cancelled)
            for line_id, (quantity, shipped, cancelled) in zip("ab", lines, strict=False)
        )
    )
    assert facts.status is expected


def test_only_lines_with_units_left_wait() -> None:
    facts = an_order(a_line(quantity=2, shipped=1), a_line(line_id="b", shipped=1))
    assert [line.id for line in facts.waiting_lines] == ["a"]


def test_a_line_is_found_by_its_id_only() -> None:
    assert an_order().line("a").id == "a"
    with pytest.raises(KeyError):
        an_order().line("A")


def test_before_any_email_the_customer_believes_what_checkout_promised() -> None:
    assert baseline(an_order(), a_line(date(2026, 4, 1), promised=date(2026, 3, 20))) == Eta(
        date(2026, 3, 20)
    )
    assert baseline(an_order(), a_line(date(2026, 4, 1))) == UNKNOWN


def test_the_customer_believes_the_last_date_told_however_the_email_fared() -> None:
    early = a_message(on(3, 2), date(2026, 3, 25))
    for status in (Status.SENT, Status.DELIVERED, Status.UNKNOWN, Status.BOUNCED, Status.FAILED):
        late = a_message(on(3, 5), date(2026, 4, 1), status=status)
        facts = an_order(messages=(late, early))
        assert told(facts, facts.lines[0]) == late


@pytest.mark.parametrize("status", [Status.PLANNED, Status.HELD, Status.CANCELLED, Status.EXPIRED])
def test_an_email_that_never_left_told_nothing(status: Status) -> None:
    facts = an_order(messages=(a_message(on(3, 5), date(2026, 4, 1), status=status),))
    assert told(facts, facts.lines[0]) is None


def test_word_of_a_parcel_or_a_cancellation_tells_no_date() -> None:
    for kind in (Kind.SHIPPED, Kind.CANCELLED):
        facts = an_order(messages=(a_message(on(3, 5), date(2026, 4, 1), kind=kind),))
        assert told(facts, facts.lines[0]) is None


def test_what_a_person_dropped_counts_as_told() -> None:
    dropped = replace(a_message(on(3, 5), date(2026, 4, 1), status=Status.CANCELLED), dropped=True)
    facts = an_order(messages=(dropped,))
    assert told(facts, facts.lines[0]) == dropped


def test_the_key_of_an_email_is_used_up_once_it_left_or_its_time_is_over() -> None:
    for status in Status:
        message = replace(a_message(on(3, 5), status=status), expires_at=on(3, 9))
        assert message.is_over(on(3, 8)) == message.may_have_left
        assert message.is_over(on(3, 9))


def test_every_status_has_its_moves_and_only_final_ones_have_none() -> None:
    assert set(MOVES) == set(Status)
    assert {status for status in Status if not MOVES[status]} == {Status.COMPLAINED, Status.EXPIRED}
    assert may_move(Status.CANCELLED, Status.PLANNED)
    assert not may_move(Status.SENT, Status.PLANNED)
