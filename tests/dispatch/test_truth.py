"""What leaves is true when it leaves: facts win over every step until the message is frozen."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from shutil import copytree

import pytest
from sqlalchemy import text

from notifier import planning
from notifier.db import outbox
from notifier.db.engine import reading, transaction
from notifier.db.tables import Backorder, MessageRow, Store
from notifier.dispatch import dispatch, thaw
from notifier.domain.message import Status
from notifier.providers.base import Accepted, Envelope, Outcome
from notifier.words.render import Templates, Wording
from tests.house import LEASE, NOON, TEMPLATES, House, at_once
from tests.providers.fake import Scripted


def test_an_order_that_ships_after_the_claim_gets_no_word_of_waiting(house: House) -> None:
    backorder_id = house.register()
    house.watch("claimed", lambda: house.ship(backorder_id))
    house.dispatch()
    assert [e.kind for e in house.provider.taken] == ["shipped"]
    assert house.message().status == "cancelled"
    assert house.message().reason == "order_shipped"


def test_an_order_cancelled_after_the_claim_gets_no_word_of_waiting(house: House) -> None:
    backorder_id = house.register()
    house.watch("claimed", lambda: house.cancel(backorder_id))
    house.dispatch()
    assert [e.kind for e in house.provider.taken] == ["cancelled"]


def test_a_date_that_moves_between_claim_and_freeze_is_never_told_as_it_was(house: House) -> None:
    backorder_id = house.register()
    house.watch("claimed", lambda: house.move(backorder_id, "2027-01-15"))
    house.dispatch()
    (told,) = house.provider.taken
    assert "15 January 2027" in told.subject
    assert house.message().attempts == 1


def test_a_date_that_moves_while_it_is_rendered_is_never_told_as_it_was(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fact arrives after the order was looked at, so only the refusal to freeze can stop the stale text."""
    backorder_id = house.register()
    rendered = house.post.templates.render
    facts = ["2027-01-15"]

    def render_slowly(*args: object, **more: object) -> object:
        done = rendered(*args, **more)  # type: ignore[arg-type]  # handed on as they came
        if facts:
            house.move(backorder_id, facts.pop())
        return done

    monkeypatch.setattr(house.post.templates, "render", render_slowly)
    house.dispatch()
    (told,) = house.provider.taken
    assert "15 January 2027" in told.subject
    assert house.message().attempts == 1


def test_a_fact_that_comes_once_a_message_is_leaving_makes_another_message(house: House) -> None:
    backorder_id = house.register()
    house.watch("sending", lambda: house.ship(backorder_id))
    house.dispatch()
    assert [e.kind for e in house.provider.taken] == ["expectation", "shipped"]
    assert house.message().status == "sent"


def test_where_a_mail_service_is_slow_facts_win_until_an_email_is_about_to_leave(house: House) -> None:
    """Of many that are claimed together only a few are frozen: the rest wait, and would leave no doubt."""
    ids = [house.register(f"{number:02}") for number in range(40)]
    begun, go_on = threading.Semaphore(0), threading.Event()

    def slowly(_envelope: Envelope, _now: datetime) -> Outcome:
        begun.release()
        assert go_on.wait(60)
        return Accepted("ref")

    slow = Scripted(always=slowly)
    post = replace(house.post, threads=4, provider_for=lambda _name: slow)
    with ThreadPoolExecutor(1) as worker:
        sent = worker.submit(dispatch, post)
        for _ in range(post.threads):
            assert begun.acquire(timeout=60)
        time.sleep(0.5)  # in which all would be frozen, if nothing held that back
        frozen = [message for message in house.messages() if message.status == "sending"]
        house.cancel(ids[-1])
        go_on.set()
        assert sent.result(60) == 40
    assert post.threads <= len(frozen) <= 4 * post.threads
    assert len(slow.taken) == 39
    assert house.message("expectation", ids[-1]).status == "cancelled"


def test_a_countdown_claimed_in_the_evening_waits_for_the_morning(house: House) -> None:
    house.register()
    house.dispatch()
    house.clock.now = NOON.replace(day=6, hour=8)
    countdown = house.message("countdown:2026-12-06")
    assert countdown.due_at == NOON.replace(day=6, hour=9)
    backorder_id = house.register("delayed")
    house.dispatch()
    house.move(backorder_id, "2027-01-20")
    delay = house.message("delay:1", backorder_id)
    house.clock.now = delay.due_at.replace(hour=22)
    house.dispatch()
    waiting = house.message("delay:1", backorder_id)
    assert waiting.status == "planned"
    assert waiting.attempt_at == delay.due_at.replace(hour=9) + timedelta(days=1)
    assert waiting.attempts == 0
    assert house.history(waiting)[-1] == ("planned", "planned", "waits for the customer's send window")
    house.clock.now = waiting.attempt_at
    house.dispatch()
    assert house.message("delay:1", backorder_id).status == "sent"


def test_two_orders_of_one_customer_are_not_counted_down_together(house: House) -> None:
    customer = {"email": "jane@example.com", "country": "CH"}
    line = {"sku": "A", "name": "A", "quantity": 1}
    house.register("1", customer=customer, lines=[line | {"eta": "2026-12-20"}])
    house.register("2", customer=customer, lines=[line | {"eta": "2026-12-23"}])
    house.dispatch()
    for _ in range(23):
        house.clock.pass_time(hours=24)
        house.clock.now = house.clock.now.replace(hour=9)
        house.dispatch()
    sent = sorted(row.sent_at for row in house.messages() if row.kind == "countdown" and row.sent_at)
    assert len(sent) >= 5
    assert all(later - sooner >= timedelta(hours=20) for sooner, later in pairwise(sent))


def test_two_countdowns_due_in_one_batch_are_spaced(house: House) -> None:
    customer = {"email": "jane@example.com", "country": "CH"}
    house.register("1", customer=customer)
    house.register("2", customer=customer)
    house.dispatch()
    house.clock.now = NOON.replace(day=6, hour=9)
    house.dispatch()
    both = [row for row in house.messages() if row.key == "countdown:2026-12-06"]
    assert sorted(row.status for row in both) == ["planned", "sent"]
    waiting = next(row for row in both if row.status == "planned")
    assert waiting.attempts == 0
    assert house.history(waiting)[-1][2] == "waits: another was just sent to this address"
    house.clock.pass_time(days=1)
    house.turn()
    later = house.message(waiting.key, waiting.backorder_id)
    assert later.status == "sent"
    assert (
        later.subject
        == f"Order {house.order(later.backorder_id).order_id}: 13 days to go, ships 20 December 2026"
    )


def test_a_template_with_a_fault_fails_its_message_with_file_and_line_and_the_rest_leaves(
    house: House, tmp_path: Path
) -> None:
    folder = Path(copytree(TEMPLATES, tmp_path / "templates"))
    file = folder / "shipped.j2"
    lines = file.read_text().splitlines()
    number = next(n for n, line in enumerate(lines) if "block" in line)
    lines[number] = lines[number].replace("%}", "%}{{ no_such_thing.at_all }}", 1)
    file.write_text("\n".join(lines))
    house.post = replace(house.post, templates=Templates(folder))
    shipped = house.register("1")
    house.ship(shipped)
    house.register("2")
    house.dispatch()
    failed = next(row for row in house.messages(shipped) if row.kind == "shipped")
    assert failed.status == "failed"
    assert failed.reason is not None
    assert f"shipped.j2:{number + 1}" in failed.reason
    assert [e.kind for e in house.provider.taken] == ["expectation"]


def poison(house: House, backorder_id: str) -> None:
    """Make this order's data such that planning it raises."""
    with house.engine.begin() as connection:
        connection.execute(
            text("UPDATE backorder SET timezone = 'Mars/Olympus' WHERE id = :id"), {"id": backorder_id}
        )


def test_an_order_that_cannot_be_planned_runs_out_of_attempts_and_the_rest_leaves(house: House) -> None:
    bad = house.register("bad")
    for number in range(5):
        house.register(str(number))
    poison(house, bad)
    house.dispatch()
    assert len(house.provider.taken) == 5
    for _ in range(6):
        house.clock.pass_time(hours=1)
        house.dispatch()
    failed = house.message("expectation", bad)
    assert failed.status == "failed"
    assert failed.reason is not None
    assert failed.reason.startswith("gave up after 4 attempts: could not be prepared: ")
    assert "Mars/Olympus" in failed.reason


def test_a_store_whose_policy_cannot_be_read_does_not_hold_up_the_others(house: House) -> None:
    house.register("1")
    other = House(house.engine, house.clock, house.provider, store_id="store_2")
    other.register("2")
    with house.writing() as session:
        session.get_one(Store, "store_1").policy = {"from_a_later_version": True}
    house.dispatch()
    assert [e.to for e in house.provider.taken] == ["jane+2@example.com"]


def test_a_message_that_kills_its_worker_runs_out_of_attempts_and_harms_no_other(house: House) -> None:
    class Killed(BaseException):
        """What a kill looks like from inside: no code of ours runs after it."""

    bad = house.register("bad")
    for number in range(4):
        house.register(str(number))

    def dies(
        self: object,
        kind: object,
        values: dict[str, object],
        locale: str,
        own: Wording | None,
        **more: object,
    ) -> object:
        if values["order"]["id"] == "bad":  # type: ignore[index]  # as templates see it
            raise Killed
        return rendered(kind, values, locale, own, **more)  # type: ignore[arg-type]

    rendered = house.post.templates.render
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Templates, "render", dies)
        for _ in range(40):
            try:
                dispatch(house.post)
            except Killed:
                house.clock.pass_time(seconds=LEASE.total_seconds() + 1)
    assert house.message("expectation", bad).status == "failed"
    reason = house.message("expectation", bad).reason
    assert reason == "gave up after 4 attempts: the last worker vanished"
    assert len(house.provider.taken) == 4


def test_a_send_that_could_not_end_within_its_lease_is_not_begun(house: House) -> None:
    """With a slow provider the last of a batch would be sent long after others took it for dead."""
    house.provider.timeout_seconds = 20.0

    def watch(point: str, _message_id: str) -> None:
        if point == "accepted":
            house.clock.pass_time(seconds=19)

    house.post = replace(house.post, watch=watch)
    for number in range(6):
        house.register(str(number))
    assert dispatch(house.post) == 6
    found = [row for row in house.messages() if row.key == "expectation"]
    assert sorted(row.status for row in found) == ["planned"] * 3 + ["sent"] * 3
    assert {row.attempts for row in found if row.status == "planned"} == {0}
    house.dispatch()
    assert set(house.provider.counts().values()) == {1}
    assert len(house.provider.counts()) == 6


def test_an_answer_that_comes_after_the_lease_clears_up_the_doubt(house: House) -> None:
    house.register()

    def too_late() -> None:
        house.clock.pass_time(seconds=LEASE.total_seconds() + 1)
        house.turn()
        assert house.message().status == "unknown"

    house.watch("accepted", too_late)
    house.dispatch()
    assert house.message().status == "sent"
    assert house.history(house.message())[-1] == ("unknown", "sent", "accepted by outbox, said late")


def test_what_was_sent_is_kept_as_it_was_sent(house: House) -> None:
    house.register()
    house.dispatch()
    with reading(house.engine) as session:
        content = outbox.content(session, house.message().id)
    assert content is not None
    assert thaw(content) == house.provider.taken[0]


def test_two_workers_at_once_send_each_message_once(house: House) -> None:
    for number in range(30):
        house.register(str(number))
    at_once(*[house.dispatch] * 4)
    house.dispatch()
    assert len(house.provider.counts()) == 30
    assert set(house.provider.counts().values()) == {1}
    assert {row.status for row in house.messages() if row.key == "expectation"} == {"sent"}


def test_the_policy_that_changes_between_claim_and_freeze_wins(house: House) -> None:
    """Planning again takes a moved message away from whoever claimed it."""
    backorder_id = house.register()
    house.dispatch()
    house.clock.now = NOON.replace(day=13, hour=9)

    def no_countdowns() -> None:
        with transaction(house.engine) as session:
            session.get_one(Store, house.store_id).policy = {"countdown_days": []}
            session.get_one(Backorder, backorder_id).replan_at = house.clock.now
        planning.watch(house.engine, house.clock.now)

    house.watch("claimed", no_countdowns)
    house.dispatch()
    assert [e.kind for e in house.provider.taken] == ["expectation"]
    with reading(house.engine) as session:
        row = session.get_one(MessageRow, house.message("countdown:2026-12-13").id)
    assert row.status == Status.CANCELLED


def test_two_workers_do_not_count_down_to_one_customer_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has claimed one of two orders; the other's email leaves while this one's is rendered."""
    customer = {"email": "jane@example.com", "country": "CH"}
    house.register("1", customer=customer)
    house.register("2", customer=customer)
    house.dispatch()
    house.clock.now = NOON.replace(day=6, hour=9)
    monkeypatch.setattr("notifier.dispatch.BATCH", 1)
    rendered = house.post.templates.render
    others = [lambda: dispatch(house.post)]

    def render(*args: object, **more: object) -> object:
        done = rendered(*args, **more)  # type: ignore[arg-type]  # handed on as they came
        if others:
            others.pop()()
        return done

    monkeypatch.setattr(house.post.templates, "render", render)
    house.dispatch()
    both = [row for row in house.messages() if row.key == "countdown:2026-12-06"]
    assert sorted(row.status for row in both) == ["planned", "sent"]
