"""What mail services report is kept, applied in any order, and never lost."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from notifier import feedback
from notifier.db import accounts
from notifier.db import events as db_events
from notifier.db.engine import make_engine, reading
from notifier.db.migrate import upgrade
from notifier.db.tables import ProviderEvent, Suppression
from notifier.domain.message import EVIDENCE, Scope, Status
from notifier.providers.base import Rejected, Unknown
from notifier.providers.reports import Report
from tests.house import NOON, House, at_once

numbers = count()


def told(message_id: str, status: Status | None, suppresses: Scope | None = None, detail: str = "") -> Report:
    return Report(f"event {next(numbers)}", message_id, status, NOON, detail, suppresses)


def keep(house: House, reports: Iterable[Report], store_id: str = "") -> int:
    with house.writing() as session:
        return feedback.keep(session, store_id or house.store_id, "sendgrid", reports, house.clock.now)


def hear(house: House, *reports: Report, store_id: str = "") -> None:
    keep(house, reports, store_id)
    feedback.apply(house.engine, house.clock.now)


def events(house: House) -> list[ProviderEvent]:
    with reading(house.engine) as session:
        return list(session.exec(select(ProviderEvent).order_by(col(ProviderEvent.id))))


def suppressed(house: House) -> dict[str, tuple[str, str]]:
    """By address, its scope and who asked for it."""
    with reading(house.engine) as session:
        return {row.address: (row.scope, row.source) for row in session.exec(select(Suppression))}


def a_sent_message(house: House) -> str:
    house.register()
    house.dispatch()
    return house.message().id


@pytest.mark.parametrize(
    "status", [Status.DELIVERED, Status.BOUNCED, Status.COMPLAINED, Status.FAILED], ids=str
)
def test_a_report_moves_a_sent_message_and_says_who_told(house: House, status: Status) -> None:
    hear(house, told(a_sent_message(house), status, detail="550 no such user"))
    assert house.message().status == status
    assert house.history(house.message())[-1][2] == f"{status} as sendgrid reports: 550 no such user"


def test_a_report_is_kept_first_and_applied_later(house: House) -> None:
    message_id = a_sent_message(house)
    assert keep(house, [told(message_id, Status.DELIVERED)]) == 1
    assert house.message().status == "sent"
    assert [event.applied_at for event in events(house)] == [None]
    house.clock.pass_time(minutes=3)
    house.turn()
    assert house.message().status == "delivered"
    assert [event.applied_at for event in events(house)] == [NOON + timedelta(minutes=3)]


def test_a_worker_that_dies_while_it_applies_loses_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(house, [told(a_sent_message(house), Status.BOUNCED, Scope.ALL)])

    def dies(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(db_events, "applied", dies)
        with pytest.raises(SystemExit):
            feedback.apply(house.engine, house.clock.now)
    assert house.message().status == "sent"
    assert suppressed(house) == {}
    house.turn()
    assert house.message().status == "bounced"
    assert suppressed(house) == {"jane+1042@example.com": ("all", "sendgrid")}


def test_a_report_told_twice_counts_once(house: House) -> None:
    report = told(a_sent_message(house), Status.DELIVERED)
    assert [keep(house, [report, report]), keep(house, [report])] == [1, 0]
    house.turn()
    before = house.history(house.message())
    hear(house, report)
    assert house.history(house.message()) == before


def test_many_requests_with_the_same_reports_keep_each_once(house: House) -> None:
    reports = [told(f"msg_{number}", Status.DELIVERED) for number in range(20)]
    kept = at_once(*[lambda way=way: keep(house, reports[::way]) for way in (1, -1, 1, -1)])
    assert sum(number for number in kept if isinstance(number, int)) == 20
    assert len(events(house)) == 20


def test_two_workers_apply_each_report_once(house: House) -> None:
    message_id = a_sent_message(house)
    keep(house, [told(message_id, Status.DELIVERED) for _ in range(40)])
    at_once(*[lambda: feedback.apply(house.engine, house.clock.now)] * 3)
    house.turn()
    assert all(event.applied_at for event in events(house))
    assert [after for _, after, _ in house.history(house.message())].count("delivered") == 1


def test_more_reports_than_a_chunk_are_all_applied(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback, "CHUNK", 3)
    keep(house, [told("msg_of_somebody", Status.DELIVERED) for _ in range(7)])
    house.turn()
    assert all(event.applied_at for event in events(house))


def test_a_report_about_no_message_of_ours_is_kept_and_changes_nothing(house: House) -> None:
    message_id = a_sent_message(house)
    House(house.engine, house.clock, store_id="store_2")
    hear(house, told("msg_of_somebody", Status.BOUNCED, Scope.ALL))
    hear(house, told(message_id, Status.BOUNCED, Scope.ALL), store_id="store_2")
    assert house.message().status == "sent"
    assert suppressed(house) == {}
    assert [bool(event.applied_at) for event in events(house)] == [True, True]


def test_a_report_given_to_the_wrong_store_does_not_keep_the_right_one_from_hearing(house: House) -> None:
    report = told(a_sent_message(house), Status.DELIVERED)
    House(house.engine, house.clock, store_id="store_2")
    hear(house, report, store_id="store_2")
    hear(house, report)
    assert house.message().status == "delivered"


@pytest.mark.parametrize("status", [Status.SENT, Status.DELIVERED, Status.BOUNCED], ids=str)
def test_evidence_settles_what_was_in_doubt(house: House, status: Status) -> None:
    house.provider.script = [Unknown("no answer")]
    message_id = a_sent_message(house)
    assert house.message().status == "unknown"
    hear(house, told(message_id, status))
    assert house.message().status == status
    house.clock.pass_time(hours=2)
    house.turn()
    assert [envelope.message_id for envelope in house.provider.tried] == [message_id]


def test_a_report_that_is_faster_than_the_worker_holds(house: House) -> None:
    house.register()
    (message,) = [row for row in house.messages() if row.key == "expectation"]
    house.watch("accepted", lambda: hear(house, told(message.id, Status.COMPLAINED, Scope.ALL)))
    house.dispatch()
    assert house.message().status == "complained"


def test_late_word_that_it_was_queued_does_not_undo_a_rejection(house: House) -> None:
    house.provider.script = [Rejected("no such mailbox")]
    message_id = a_sent_message(house)
    hear(house, told(message_id, Status.SENT))
    assert house.message().status == "failed"
    hear(house, told(message_id, Status.DELIVERED))
    assert house.message().status == "delivered"


def test_what_never_left_is_moved_by_no_report(house: House) -> None:
    house.register()
    for status in EVIDENCE:
        hear(house, told(house.message().id, status))
    assert house.message().status == "planned"


@pytest.fixture(scope="module")
def one_house() -> House:
    engine = make_engine("sqlite://")
    upgrade(engine)
    return House(engine)


@settings(max_examples=60)
@given(
    reports=st.lists(st.sampled_from(EVIDENCE), min_size=1, max_size=5).flatmap(
        lambda statuses: st.tuples(st.just(statuses), st.permutations(statuses * 2))
    ),
    chunks=st.booleans(),
    in_doubt=st.booleans(),
)
def test_any_order_and_repetition_of_reports_ends_in_the_same_state(
    one_house: House, reports: tuple[list[Status], list[Status]], chunks: bool, in_doubt: bool
) -> None:
    statuses, as_they_came = reports
    one_house.provider.script = [Unknown("no answer")] if in_doubt else []
    with one_house.writing() as session:
        accounts.resume(session, "outbox")  # which many doubts in a row have paused
    backorder_id = one_house.register(f"order-{next(numbers)}")
    one_house.dispatch()
    message = one_house.message("expectation", backorder_id)
    ids = {status: told(message.id, status) for status in statuses}
    for status in as_they_came:
        keep(one_house, [ids[status]])
        if chunks:
            feedback.apply(one_house.engine, one_house.clock.now)
    feedback.apply(one_house.engine, one_house.clock.now)
    strongest = max(statuses, key=EVIDENCE.index)
    assert one_house.message("expectation", backorder_id).status == strongest


def test_a_bounced_delay_notice_is_planned_again(house: House) -> None:
    """The customer of an order under United States law must hear of the delay (16 CFR 435.2(b))."""
    backorder_id = house.register(
        customer={"email": "jane@example.com", "country": "US"},
        lines=[{"sku": "A", "name": "A", "quantity": 1, "eta": "2026-12-04", "promised": "2026-12-04"}],
    )
    house.dispatch()
    house.move(backorder_id, "2026-12-14", sku="A", reason="late")
    house.clock.pass_time(hours=3)
    house.turn()
    (notice,) = [row for row in house.messages() if row.kind == "delay" and row.status == "sent"]
    hear(house, told(notice.id, Status.BOUNCED))
    house.turn()
    statuses = {row.key: row.status for row in house.messages() if row.kind in {"delay", "consent"}}
    assert statuses[notice.key] == "bounced"
    assert set(statuses.values()) - {"bounced"}, "the notice is owed again"
