"""16 CFR 435, how an order ends: cancelled, shipped, refunded. Alice ordered on 1 March 2026."""

from dataclasses import replace
from datetime import date

import pytest

from notifier.domain.law.standing import Notice, Standing
from notifier.domain.message import Message
from tests.domain.alice import (
    RENEWED_ON_THE_15TH,
    SHORT,
    T,
    a_refund,
    cancel,
    keep,
    long_notice,
    short_notice,
    the_order,
    where,
)
from tests.domain.builders import (
    a_cancellation,
    a_line,
    a_shipment,
    an_order,
    on,
)


@pytest.mark.parametrize("messages", [(), (short_notice(),), (long_notice(),), RENEWED_ON_THE_15TH])
def test_a_cancel_by_the_customer_vests_on_receipt(messages: tuple[Message, ...]) -> None:
    found = where(the_order(*messages, answers=(cancel(on(3, 27)),)), on(3, 27))
    assert found == Standing("cancelled", refund_by=date(2026, 4, 7), changes_at=on(4, 8, 0))


def test_a_store_that_decides_not_to_ship_owes_the_refund_from_that_day() -> None:
    found = where(the_order(long_notice(), cancelled=on(4, 2)), on(4, 3))
    assert (found.state, found.refund_by) == ("cancelled", date(2026, 4, 13))


def test_a_cancelled_order_is_refunded_or_overdue() -> None:
    facts = the_order(cancelled=on(4, 1))
    assert where(facts, on(4, 10, 23)).state == "cancelled"
    assert where(facts, on(4, 11, 0)) == Standing("refund_overdue", refund_by=date(2026, 4, 10))
    paid = replace(facts, refunds=(a_refund(on(4, 13)),))
    assert where(paid, on(4, 12)).state == "refund_overdue"
    assert where(paid, on(4, 13)) == Standing("refunded")


def test_a_refund_from_before_the_cancellation_does_not_pay_for_it() -> None:
    assert where(the_order(cancelled=on(4, 1), refunded=on(3, 30)), on(4, 2)).state == "cancelled"


def test_a_refund_at_the_instant_of_the_cancellation_or_after_pays_for_it() -> None:
    facts = the_order(cancelled=on(3, 20), refunded=on(3, 20))
    assert where(facts, on(3, 20)) == Standing("refunded")
    twice = replace(facts, refunds=(a_refund(on(3, 2)), a_refund(on(3, 21))))
    assert where(twice, on(3, 21)) == Standing("refunded")


def test_the_store_s_own_cancellation_after_the_law_s_adds_no_second_refund() -> None:
    facts = the_order(refunded=on(4, 3), cancelled=on(4, 6))
    assert where(facts, on(4, 7)).state == "refunded"


def test_goods_shipped_after_the_store_cancelled_are_shipped_and_the_refund_stays_owed() -> None:
    facts = the_order(cancelled=on(3, 20), shipped=on(3, 21))
    assert where(facts, on(3, 21)) == Standing("shipped", refund_by=date(2026, 3, 31))


def test_goods_shipped_after_the_law_cancelled_are_shipped_and_the_refund_stays_owed() -> None:
    facts = the_order(shipped=on(4, 2))
    assert where(facts, on(4, 2)) == Standing("shipped", refund_by=date(2026, 4, 10))
    assert where(replace(facts, refunds=(a_refund(on(4, 3)),)), on(4, 3)) == Standing("shipped")


def test_at_one_instant_a_cancel_beats_a_shipment_and_a_consent() -> None:
    then = on(4, 2)
    raced = the_order(long_notice(), answers=(cancel(then), keep(then)))
    assert where(raced, then).state == "cancelled"
    shipped = the_order(long_notice(), answers=(cancel(then),), shipped=then)
    assert where(shipped, then) == Standing("shipped", refund_by=date(2026, 4, 13))


def test_a_cancel_after_shipment_changes_nothing() -> None:
    facts = the_order(shipped=on(3, 20), cancelled=on(3, 22))
    assert where(replace(facts, answers=(cancel(on(3, 21)),)), on(3, 23)) == Standing("shipped")


def test_a_part_shipped_after_the_cancel_leaves_the_rest_cancelled() -> None:
    facts = an_order(a_line(T, quantity=2), answers=(cancel(on(3, 20)),), shipments=(a_shipment(on(3, 21)),))
    assert where(facts, on(3, 22)).state == "cancelled"


def test_a_second_cancel_changes_nothing() -> None:
    facts = the_order(answers=(cancel(on(3, 20)), cancel(on(3, 25))), cancelled=on(3, 26), refunded=on(3, 24))
    assert where(facts, on(3, 27)) == Standing("refunded")


def test_what_has_not_shipped_is_what_stands() -> None:
    facts = an_order(a_line(SHORT, quantity=3), shipments=(a_shipment(on(3, 20), 2),))
    assert where(facts, on(3, 21)).notice == Notice("n1_short", SHORT, None, T)
    assert where(facts, on(4, 1)).state == "cancelled"
    rest = replace(facts, shipments=(*facts.shipments, a_shipment(on(3, 25), 1)))
    assert where(rest, on(4, 1)) == Standing("shipped")
    dropped = replace(facts, cancellations=(a_cancellation(on(3, 25), 1),))
    assert where(dropped, on(3, 26)).state == "cancelled"


def test_units_taken_off_are_owed_while_the_others_wait_and_ship() -> None:
    facts = an_order(a_line(T, quantity=3), cancellations=(a_cancellation(on(3, 20), 1),))
    waiting = where(facts, on(3, 21))
    assert (waiting.state, waiting.refund_by) == ("on_time", date(2026, 3, 31))
    shipped = replace(facts, shipments=(a_shipment(on(3, 25), 2),))
    assert where(shipped, on(3, 26)) == Standing("shipped", refund_by=date(2026, 3, 31))
    assert where(replace(shipped, refunds=(a_refund(on(3, 26)),)), on(3, 26)) == Standing("shipped")
    dropped = replace(facts, cancellations=(*facts.cancellations, a_cancellation(on(3, 25), 2)))
    assert where(dropped, on(3, 26)).refund_by == date(2026, 3, 31), "the first cancellation is owed first"


def test_what_happens_to_another_line_is_not_this_one_s() -> None:
    facts = the_order()
    shipped = replace(facts, shipments=(a_shipment(on(3, 20), line_id="b"),))
    cancelled = replace(facts, cancellations=(a_cancellation(on(3, 20), line_id="b"),))
    assert where(shipped, on(3, 21)) == where(cancelled, on(3, 21)) == where(facts, on(3, 21))


def test_what_lies_ahead_has_not_happened() -> None:
    facts = the_order(
        short_notice(), answers=(cancel(on(4, 1)),), shipped=on(4, 2), cancelled=on(4, 3), refunded=on(4, 4)
    )
    assert where(facts, on(3, 19)).state == "on_time"
    assert where(facts, on(3, 21)).state == "silence_ok"
