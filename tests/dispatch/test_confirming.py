"""A legal notice through a service that only takes word of emails counts as told once that service confirms it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from notifier.confirming import AT_LEAST, BEFORE_LIMIT, GIVEN, LOOKED_FOR, confirm, warn_at
from notifier.db import notices
from notifier.db.engine import reading
from notifier.db.overview import lost_notices
from notifier.db.tables import MessageRow
from notifier.domain.message import Status
from notifier.providers.base import Rejected, Sent, Unavailable
from notifier.providers.reports import Report
from tests.house import NOON, House, at_once, make_post
from tests.providers.fake import Scripted


@dataclass
class Reticent(Scripted):
    """Takes everything, and says what became of it only when asked. `says` is what, by message id."""

    says: dict[str, Status] = field(default_factory=dict)
    trouble: Unavailable | None = None
    asked: list[Sent] = field(default_factory=list)

    def reports_of(self, sent: Sent, now: datetime) -> Sequence[Report] | Rejected | Unavailable:
        self.asked.append(sent)
        if self.trouble:
            return self.trouble
        status = self.says.get(sent.message_id)
        return [Report(f"e-{sent.message_id}-{status}", sent.message_id, status, now)] if status else []


@pytest.fixture
def service(house: House) -> Reticent:
    service = Reticent(name="outbox", removes_duplicates=True)
    house.provider = service
    house.post = make_post(house.engine, house.clock, service)
    return service


def a_notice(house: House, order_id: str = "1042") -> MessageRow:
    """Word of a delay that the law of the United States asks for, just sent."""
    backorder_id = house.register(
        order_id,
        customer={"email": f"jane+{order_id}@example.com", "country": "US"},
        lines=[{"sku": "A", "name": "A", "quantity": 1, "eta": "2026-12-04", "promised": "2026-12-04"}],
    )
    house.dispatch()
    house.move(backorder_id, "2026-12-14", sku="A", reason="late")
    house.clock.pass_time(hours=3)
    house.turn()
    (notice,) = [row for row in house.messages(backorder_id) if row.kind == "delay"]
    assert notice.status == "sent"
    return notice


def look(house: House, **later: float) -> int:
    """Ask, so much later, and take up what was said."""
    house.clock.pass_time(**later)
    looked = confirm(house.post)
    house.turn()
    return looked


def warned(house: House) -> list[str]:
    with reading(house.engine) as session:
        found = [mail.id for mail, _ in lost_notices(session, house.store_id, 9)]
        assert notices.count_lost(session) == len(found)
    return found


def the(house: House, notice: MessageRow) -> MessageRow:
    (found,) = [row for row in house.messages() if row.id == notice.id]
    return found


def test_a_notice_is_asked_about_until_it_is_confirmed(house: House, service: Reticent) -> None:
    notice = a_notice(house)
    assert look(house, minutes=1) == 0, "it cannot have arrived yet"
    assert look(house, minutes=2) == 1
    assert the(house, notice).status == "sent", "handed over is not delivered"
    assert look(house, seconds=30) == 0
    service.says[notice.id] = Status.DELIVERED
    assert look(house, minutes=5) == 1
    assert the(house, notice).status == "delivered"
    assert look(house, hours=30) == 0
    assert warned(house) == []


def test_it_is_asked_for_by_what_the_service_may_know_it_by(house: House, service: Reticent) -> None:
    notice = a_notice(house)
    look(house, minutes=3)
    (asked,) = service.asked
    assert (asked.message_id, asked.to, asked.subject) == (notice.id, notice.to_email, notice.subject)
    assert notice.sent_at is not None
    assert asked.since < notice.sent_at


def test_only_legal_notices_are_asked_about(house: House, service: Reticent) -> None:
    house.register()
    house.dispatch()
    assert look(house, minutes=10) == 0
    assert service.asked == []


def test_a_service_that_tells_by_itself_is_not_asked(house: House) -> None:
    notice = a_notice(house)
    assert notice.confirm_at is None
    assert look(house, hours=12) == 0


def test_where_nobody_confirms_it_in_time_the_store_is_warned_once(house: House, service: Reticent) -> None:
    notice = a_notice(house)
    limit = warn_at(notice.sent_at or NOON, notice.expires_at)
    while house.clock.now < limit - timedelta(minutes=1):
        look(house, minutes=1)
        assert warned(house) == []
    look(house, minutes=2)
    assert warned(house) == [notice.id]
    (told,) = [why for before, after, why in house.history(notice) if before == after == "sent"]
    assert "outbox does not confirm" in told
    assert "that it was delivered" in told
    look(house, hours=3)
    assert len([why for before, after, why in house.history(notice) if before == after == "sent"]) == 1


def test_a_late_confirmation_takes_the_warning_back(house: House, service: Reticent) -> None:
    notice = a_notice(house)
    look(house, hours=20)
    assert warned(house) == [notice.id]
    service.says[notice.id] = Status.DELIVERED
    look(house, hours=1)
    assert the(house, notice).status == "delivered"
    assert warned(house) == []


def test_a_bounce_that_the_service_tells_when_asked_is_a_bounce(house: House, service: Reticent) -> None:
    notice = a_notice(house)
    service.says[notice.id] = Status.BOUNCED
    look(house, minutes=5)
    assert the(house, notice).status == "bounced"
    assert any("outbox reports" in why for _, after, why in house.history(notice) if after == "bounced")


def test_a_service_that_cannot_be_asked_warns_all_the_same_and_says_why(
    house: House, service: Reticent
) -> None:
    first, second = a_notice(house), a_notice(house, "1043")
    service.trouble = Unavailable("403: the key lacks events:read", needs_person=True)
    look(house, hours=20)
    assert len(service.asked) == 1, "once is enough to know that it is out of order"
    assert sorted(warned(house)) == sorted([first.id, second.id])
    assert "events:read" in (the(house, first).reason or "")
    assert the(house, second).status == "sent"


def test_it_is_asked_ever_more_rarely_and_at_last_no_more(house: House, service: Reticent) -> None:
    a_notice(house)
    for _ in range(int(LOOKED_FOR / timedelta(minutes=10)) + 200):
        house.clock.pass_time(minutes=10)
        confirm(house.post)
    assert 24 * 7 - 10 < len(service.asked) < 24 * 7 + 20
    seen = len(service.asked)
    house.clock.pass_time(hours=5)
    confirm(house.post)
    assert len(service.asked) == seen


def test_two_workers_ask_about_a_notice_once(house: House, service: Reticent) -> None:
    a_notice(house)
    house.clock.pass_time(minutes=5)
    at_once(lambda: confirm(house.post), lambda: confirm(house.post))
    assert len(service.asked) == 1


def test_a_worker_that_dies_while_it_asks_leaves_the_notice_to_the_next(
    house: House, service: Reticent
) -> None:
    notice = a_notice(house)
    house.clock.pass_time(minutes=5)
    dying = Reticent(name="outbox")
    dying.says = None  # type: ignore[assignment]  # so that it fails while it is asked
    with pytest.raises(AttributeError):
        confirm(replace(house.post, provider_for={"outbox": dying}.__getitem__))
    service.says[notice.id] = Status.DELIVERED
    look(house, minutes=6)
    assert the(house, notice).status == "delivered"


@pytest.mark.parametrize(
    ("limit", "warned_after"),
    [
        (timedelta(days=3), GIVEN),
        (timedelta(hours=12), timedelta(hours=12) - BEFORE_LIMIT),
        (timedelta(hours=8), timedelta(hours=2)),
        (timedelta(hours=1), AT_LEAST),
    ],
)
def test_the_store_is_warned_while_it_can_still_act(limit: timedelta, warned_after: timedelta) -> None:
    assert warn_at(NOON, NOON + limit) == NOON + warned_after
