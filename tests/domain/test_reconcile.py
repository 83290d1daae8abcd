"""From what should exist to what to change; and the reason of everything that is not sent."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from notifier.domain.message import Draft, Kind, Message, Status
from notifier.domain.order import Facts
from notifier.domain.policy import Policy
from notifier.domain.reconcile import Changes, reconcile
from tests.domain.builders import PLACED, a_line, an_order, on
from tests.domain.life import Life

QUIET = Policy(jurisdiction="none", countdown_days=(7,), waiting_every_days=None)
T = date(2026, 3, 31)


def a_draft(key: str = "countdown:2026-03-23", day: int = 23) -> Draft:
    return Draft(key, Kind.COUNTDOWN, on(3, day, 9), on(3, day, 20))


def as_row(draft: Draft, status: Status = Status.PLANNED) -> Message:
    return Message(
        "m1", draft.key, draft.kind, status, draft.due_at, draft.expires_at, draft.says, draft.about
    )


def changes(wanted: tuple[Draft, ...], *messages: Message) -> Changes:
    facts = an_order(a_line(date(2026, 3, 30)), messages=messages)
    return reconcile(wanted, facts, QUIET, on(3, 10))


def test_what_is_missing_is_added() -> None:
    assert changes((a_draft(),)) == Changes(add=(a_draft(),))


def test_what_is_as_wanted_stays() -> None:
    assert not changes((a_draft(),), as_row(a_draft()))


@pytest.mark.parametrize(
    "status", [Status.SENDING, Status.SENT, Status.UNKNOWN, Status.FAILED, Status.EXPIRED]
)
def test_history_is_left_alone(status: Status) -> None:
    assert not changes((), as_row(a_draft(), status))


def test_a_planned_email_moves_with_its_time_or_its_news() -> None:
    later = replace(a_draft(), due_at=on(3, 23, 10))
    other = replace(a_draft(), about="s1")
    assert [move.reason for move in changes((later,), as_row(a_draft())).move] == ["rescheduled"]
    assert [move.reason for move in changes((other,), as_row(a_draft())).move] == ["facts_changed"]


def test_a_cancelled_email_comes_back_when_the_facts_do() -> None:
    [move] = changes((a_draft(),), as_row(a_draft(), Status.CANCELLED)).move
    assert move.restored
    assert move.reason == "wanted_again"


def test_a_held_email_waits_for_whoever_held_it_and_stops_when_it_is_not_wanted() -> None:
    held = as_row(a_draft(), Status.HELD)
    assert not changes((replace(a_draft(), due_at=on(3, 23, 10)),), held)
    assert [stop.status for stop in changes((), held).stop] == [Status.CANCELLED]


def test_an_email_whose_time_is_over_expires_and_is_not_called_cancelled() -> None:
    past = as_row(a_draft("countdown:2026-03-09", 9))
    assert [(stop.status, stop.reason) for stop in changes((), past).stop] == [(Status.EXPIRED, "too_late")]


def test_a_countdown_goes_along_with_its_date_and_comes_back_with_it() -> None:
    life = Life(an_order(a_line(date(2026, 3, 30))), QUIET)
    life.until(on(3, 2))
    before = life.planned
    life.moves(date(2026, 4, 10))
    life.moves(date(2026, 3, 30))
    assert life.planned == before
    assert life.reasons == [
        ("countdown:2026-03-23", "moved_with_date"),
        ("countdown:2026-04-03", "moved_with_date"),
        ("delay:1", "date_moved_back"),
    ]


def test_a_countdown_with_no_new_day_to_go_to_is_cancelled_because_its_date_moved() -> None:
    life = Life(an_order(a_line(date(2026, 3, 30))), replace(QUIET, countdown_days=(20, 7)))
    life.until(on(3, 2))
    kept = life.planned[0].id
    life.moves(date(2026, 3, 20))
    assert [(m.id, m.key) for m in life.planned if m.kind is Kind.COUNTDOWN] == [
        (kept, "countdown:2026-03-13")
    ]
    assert reason(life, "countdown:2026-03-23") == "date_moved"


def test_a_countdown_of_other_lines_is_not_taken_along() -> None:
    life = Life(an_order(a_line(date(2026, 3, 30)), a_line(date(2026, 4, 20), line_id="b")), QUIET)
    life.until(on(3, 2))
    before = {m.key: m.id for m in life.planned}
    life.moves(None)
    life.moves(date(2026, 5, 10), "b")
    assert reason(life, "countdown:2026-03-23") == "date_moved"
    assert {m.key: m.id for m in life.planned}["countdown:2026-05-03"] == before["countdown:2026-04-13"]


# --- every reason ---------------------------------------------------------------------------------------


def started(facts: Facts | None = None, policy: Policy = QUIET) -> Life:
    life = Life(facts or an_order(a_line(date(2026, 3, 30), promised=T)), policy)
    life.until(PLACED + timedelta(days=1))
    return life


def reason(life: Life, key: str) -> str:
    return dict(life.reasons)[key]


def test_the_reason_names_what_happened_to_the_order() -> None:
    shipped, cancelled = started(), started()
    shipped.ships()
    cancelled.cancels()
    assert reason(shipped, "countdown:2026-03-23") == "order_shipped"
    assert reason(cancelled, "countdown:2026-03-23") == "order_cancelled"


def test_the_reason_names_what_happened_to_the_lines() -> None:
    for happens, expected in [(Life.ships, "lines_shipped"), (Life.cancels, "lines_cancelled")]:
        life = started(an_order(a_line(date(2026, 3, 30)), a_line(date(2026, 4, 20), line_id="b")))
        happens(life, None, "a")
        assert reason(life, "countdown:2026-03-23") == expected


def test_the_reason_names_a_changed_policy() -> None:
    life = started()
    life.policy = replace(QUIET, countdown_days=(3,))
    life.replan()
    assert reason(life, "countdown:2026-03-23") == "policy_changed"


def test_the_reason_names_the_gap() -> None:
    life = started()
    life.policy = replace(QUIET, countdown_days=(8, 7), min_gap_hours=48)
    life.replan()
    assert reason(life, "countdown:2026-03-23") == "too_close"


def test_the_reason_names_the_law() -> None:
    policy = replace(QUIET, jurisdiction="us-ftc", auto_notice=False)
    life = started(policy=policy)
    life.until(on(3, 20))
    life.moves(date(2026, 4, 20))
    life.until(on(3, 21))
    life.reports(life.sent[-1], Status.BOUNCED)
    assert [m.key for m in life.planned] == ["countdown:2026-04-13"]
    life.until(on(4, 1, 0))
    assert reason(life, "countdown:2026-04-13") == "ended_by_law"


def test_the_reason_names_an_answer_that_is_awaited() -> None:
    life = started(an_order(a_line(date(2026, 5, 4), promised=T)))
    life.policy = replace(QUIET, jurisdiction="us-ftc")
    life.replan()
    assert [m.key for m in life.planned] == ["consent:1"]
    assert reason(life, "countdown:2026-04-27") == "answer_awaited"


def test_a_deadline_notice_that_a_proper_one_replaced_is_not_needed() -> None:
    policy = replace(QUIET, jurisdiction="us-ftc", countdown_days=())
    life = started(an_order(a_line(date(2026, 3, 30), promised=T)), policy)
    life.moves(date(2026, 4, 20))
    assert reason(life, "lapse:consent:2026-03-31") == "notice_not_needed"
    life = started(an_order(a_line(date(2026, 3, 30), promised=T)), policy)
    life.policy = replace(policy, auto_notice=False)
    life.replan()
    assert reason(life, "lapse:consent:2026-03-31") == "policy_changed"
