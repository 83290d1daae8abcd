"""Lives of a few orders in random order: facts, sends of every outcome, crashes, reports, time.

Whatever happens, what must hold holds: checked after each step, and once more when all has become quiet.
"""

import itertools
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine
from sqlmodel import col, select

from notifier import skus
from notifier.db import facts as store
from notifier.db.engine import make_engine, reading
from notifier.db.planned import next_due
from notifier.db.tables import MessageHistory, MessageRow, Store
from notifier.domain.message import TELLS_DATES, Kind, Status, may_move
from notifier.domain.order import Facts, OrderStatus
from notifier.domain.plan import ENDED_IN_LAW
from notifier.errors import Conflict, Invalid
from notifier.feedback import report
from notifier.inputs import SkuEta
from notifier.providers.base import Envelope
from notifier.resolving import resolve
from tests.e2e.far_side import (
    OUTCOMES,
    FarSide,
)
from tests.house import House

SKUS = ("LAMP", "STOOL")
CUSTOMERS = st.fixed_dictionaries(
    {
        "email": st.sampled_from(["jane@example.com", "joe@example.com"]),
        "country": st.sampled_from(["CH", "US", "DE"]),
        "timezone": st.sampled_from(["UTC", "America/New_York", "Pacific/Auckland"]),
    }
)
DAYS_AHEAD = st.one_of(st.none(), st.integers(1, 60))
LATER = st.sampled_from([0, 0, 2, 30, 60 * 7, 60 * 24, 60 * 24 * 9]).map(lambda it: timedelta(minutes=it))
FACTS = st.one_of(
    st.tuples(st.just("slips"), st.tuples(st.sampled_from(SKUS), DAYS_AHEAD)),
    st.tuples(st.just("slips everywhere"), st.tuples(st.sampled_from(SKUS), DAYS_AHEAD)),
    st.tuples(st.just("ships"), st.sampled_from([*SKUS, None])),
    st.tuples(
        st.just("is cancelled"),
        st.tuples(st.sampled_from([*SKUS, None]), st.sampled_from(["store", "customer"])),
    ),
    st.tuples(st.just("is answered"), st.sampled_from(["keep", "cancel"])),
)
POINTS = st.sampled_from(["claimed", "frozen", "sending", "accepted", "settled"])
REPORTED = ["delivered", "bounced", "complained", "failed", "sent"]
FINAL = {
    Status.SENT,
    Status.DELIVERED,
    Status.BOUNCED,
    Status.COMPLAINED,
    Status.FAILED,
    Status.CANCELLED,
    Status.EXPIRED,
}
NOT_TOLD = {Status.FAILED, Status.UNKNOWN, Status.BOUNCED, Status.COMPLAINED}
A_TURN_SUFFICES = timedelta(days=500)
"""By then the longest clock of the law has run out, and the longest back-off many times."""


class Killed(BaseException):
    """The worker's process ends here: nothing of ours catches it, and open transactions are rolled back."""


class Lives(RuleBasedStateMachine):
    """Whatever happens to some orders of one store."""

    orders = Bundle("orders")
    removes_duplicates = True
    template: sqlite3.Connection

    @initialize()
    def start(self) -> None:
        self.far = FarSide(self.removes_duplicates)
        self.house = House(_copy(self.template))
        with self.house.writing() as session:  # or reminders would go on for as long as an order waits
            session.get_one(Store, self.house.store_id).policy = {
                "waiting_every_days": None,
                "next_word_days": 90,
            }
        # A provider of ours stands where the scripted one would: the engine knows both by their protocol.
        self.house.post = replace(self.house.post, provider_for=lambda _name: self.far)
        self.far.before = self.must_be_true
        self.numbers = itertools.count(1)
        self.frozen_while: dict[str, OrderStatus] = {}
        self.resent: Counter[str] = Counter()
        self.resolved: set[str] = set()

    def teardown(self) -> None:
        if not hasattr(self, "house"):
            return
        try:
            self.all_becomes_quiet()
        finally:
            self.house.engine.dispose()

    # --- facts, time and work ---

    @rule(target=orders, customer=CUSTOMERS, days=st.lists(DAYS_AHEAD, min_size=1, max_size=2))
    def register(self, customer: dict[str, str], days: list[int | None]) -> str:
        lines = [
            {"sku": sku, "name": sku, "quantity": 2, "eta": self.day(ahead), "unit_price": "9.50"}
            for sku, ahead in zip(SKUS, days, strict=False)
        ]
        return self.house.register(str(next(self.numbers)), customer=customer, lines=lines, currency="USD")

    @rule(order=orders, fact=FACTS)
    def something_happens(self, order: str, fact: tuple[str, Any]) -> None:
        """A fact; one that can't be, as the order stands, is refused and changes nothing."""
        what, detail = fact
        with suppress(Conflict, Invalid):
            match what, detail:
                case "slips", (sku, ahead):
                    self.house.move(order, self.day(ahead), sku)
                case "slips everywhere", (sku, ahead):
                    with self.house.writing() as session:
                        shop = session.get_one(Store, self.house.store_id)
                        wanted = SkuEta.model_validate({"eta": self.day(ahead), "confirm": True})
                        skus.change_eta(session, shop, sku, wanted, self.now)
                case "ships", sku:
                    self.house.ship(order, **_lines(sku))
                case "is cancelled", (sku, by):
                    self.house.cancel(order, by=by, **_lines(sku))
                case "is answered", choice:
                    self.house.answer(order, choice)

    @rule(later=LATER, outcomes=OUTCOMES)
    def work(self, later: timedelta, outcomes: list[str]) -> None:
        """A worker takes a turn."""
        self.house.clock.now += later
        with self.far.says(outcomes):
            self.turn()

    @rule(later=LATER, outcomes=OUTCOMES, point=POINTS)
    def work_and_die(self, later: timedelta, outcomes: list[str], point: str) -> None:
        """A worker dies with a message in its hands, if there is one."""
        self.house.clock.now += later
        with self.far.says(outcomes), self.watched(point, _die), suppress(Killed):
            self.turn()

    @rule(later=LATER, outcomes=OUTCOMES, point=POINTS, order=orders, fact=FACTS)
    def work_meanwhile(
        self, later: timedelta, outcomes: list[str], point: str, order: str, fact: tuple[str, Any]
    ) -> None:
        """A fact arrives while a worker has a message in its hands."""
        self.house.clock.now += later
        with self.far.says(outcomes), self.watched(point, lambda: self.something_happens(order, fact)):
            self.turn()

    # --- the mail service and people ---

    @precondition(lambda self: self.far.got)
    @rule(
        data=st.data(),
        said=st.lists(st.sampled_from(REPORTED), min_size=1, max_size=4),
        twice=st.booleans(),
    )
    def reports(self, data: st.DataObject, said: list[str], twice: bool) -> None:
        """Of an email that customers got, in any order."""
        _, envelope = data.draw(st.sampled_from(self.far.got))
        for status in said * (2 if twice else 1):
            with self.house.writing() as session:
                event = f"{envelope.message_id}:{status}"
                report(session, self.far.name, event, envelope.message_id, Status(status), self.now, self.now)

    @precondition(lambda self: self.messages(Status.UNKNOWN, Status.FAILED))
    @rule(data=st.data(), action=st.sampled_from(["resend", "mark_sent", "drop"]))
    def a_person_decides(self, data: st.DataObject, action: str) -> None:
        row = data.draw(st.sampled_from(self.messages(Status.UNKNOWN, Status.FAILED)))
        with suppress(Conflict), self.house.writing() as session:
            resolve(session, self.house.store_id, row.id, action, self.now)  # type: ignore[arg-type]  # sampled
            self.resent[row.id] += action == "resend"
        self.resolved.add(row.id)

    # --- what must hold ---

    @invariant()
    def no_customer_gets_a_message_twice(self) -> None:
        got = Counter(envelope.message_id for _, envelope in self.far.got)
        assert {m: n for m, n in got.items() if n > 1 + self.resent[m]} == {}

    @invariant()
    def every_change_is_legal_and_kept(self) -> None:
        trails: dict[str, list[MessageHistory]] = defaultdict(list)
        with reading(self.house.engine) as session:
            for row in session.exec(select(MessageHistory).order_by(col(MessageHistory.id))):
                trails[row.message_id].append(row)
        for message in self.messages(*Status):
            assert message.planned_at, message.key
            stands = Status.PLANNED
            for step in trails[message.id]:
                assert step.before == stands, (message.key, step)
                assert may_move(stands, Status(step.after)), (message.key, step)
                stands = Status(step.after)
            assert stands == message.status, message.key

    def must_be_true(self, envelope: Envelope) -> None:
        """Nothing but word of the end goes out for an order that had ended when its email was frozen."""
        ended = {OrderStatus.SHIPPED, OrderStatus.CANCELLED}
        row = next(row for row in self.messages(Status.SENDING) if row.id == envelope.message_id)
        order = self.frozen_while.pop(row.id, None) or self.facts(row.backorder_id).status
        assert order not in ended or row.kind in {Kind.SHIPPED, Kind.CANCELLED}, (row.key, order)

    def all_becomes_quiet(self) -> None:
        """With a mail service in good health, and no more news, everything comes to its end."""
        self.work_until(self.now + timedelta(days=3))
        self.customers_know_what_is()
        self.work_until(self.now + A_TURN_SUFFICES)
        open_ended = {m.id for m in self.messages(Status.PLANNED) if m.kind == Kind.WAITING}
        """The word that is due to whom no date can be told, for as long as they wait."""
        left = [
            (m.key, m.status, m.reason) for m in self.messages(*set(Status) - FINAL) if m.id not in open_ended
        ]
        assert all(status == Status.UNKNOWN for _, status, _ in left), left
        if self.removes_duplicates:
            # In doubt for good is only what may not go again by itself.
            most = self.house.post.max_attempts
            for m in self.messages(Status.UNKNOWN):
                assert m.expires_at <= self.now or "overtaken" in (m.reason or "") or m.attempts >= most

    def customers_know_what_is(self) -> None:
        """The last date that a customer was told, at checkout or since, is the one expected now."""
        for order in self.order_ids():
            facts = self.facts(order)
            messages = self.messages(*Status, order=order)
            if any(m.status in NOT_TOLD or m.id in self.resolved for m in messages):
                continue
            told = {
                line: said.get("eta")
                for _, envelope in self.far.got
                for m in messages
                if m.id == envelope.message_id and m.kind in TELLS_DATES
                for line, said in m.says.items()
            }
            for line in facts.waiting_lines:
                standing = self.house.line(order, line.sku).law_state
                latest = line.eta.latest
                if standing in ENDED_IN_LAW or (latest and latest <= self.now.date() + timedelta(days=2)):
                    continue
                believed = told.get(line.id, line.promised and line.promised.isoformat())
                assert believed == (latest and latest.isoformat()), (order, line, told)

    # --- helpers ---

    @property
    def now(self) -> datetime:
        return self.house.clock.now

    def day(self, ahead: int | None) -> str | None:
        return (self.now.date() + timedelta(days=ahead)).isoformat() if ahead is not None else None

    def turn(self) -> None:
        """One turn of every job of a worker."""
        self.house.turn()
        while skus.carry_on(self.house.engine, self.now):
            pass

    @contextmanager
    def watched(self, point: str, act: Callable[[], object]) -> Iterator[None]:
        """Do this once, when a message comes to that point; and note how each order stands when it is frozen."""
        todo = [act]

        def told(reached: str, message_id: str) -> None:
            if reached == "frozen":
                (row,) = (m for m in self.house.messages() if m.id == message_id)
                self.frozen_while[message_id] = self.facts(row.backorder_id).status
            if reached == point and todo:
                todo.pop()()

        plain = self.house.post
        self.house.post = replace(plain, watch=told)
        try:
            yield
        finally:
            self.house.post = plain
            self.frozen_while.clear()

    def messages(self, *statuses: Status, order: str | None = None) -> list[MessageRow]:
        return [row for row in self.house.messages(order) if row.status in statuses]

    def order_ids(self) -> list[str]:
        return sorted({row.backorder_id for row in self.messages(*Status)})

    def facts(self, order: str) -> Facts:
        with reading(self.house.engine) as session:
            return store.load(session, [order])[order].facts

    def work_until(self, then: datetime) -> None:
        """Let a worker take its turn whenever something wants attention."""
        self.turn()
        while (upcoming := self.next_event()) and upcoming <= then:
            self.house.clock.now = upcoming
            self.turn()
        self.house.clock.now = then

    def next_event(self) -> datetime | None:
        """When anything wants attention next: what is planned, a lease that ends, a doubt to be tried again."""
        with reading(self.house.engine) as session:
            upcoming = [next_due(session, self.now)]
        for row in self.messages(Status.PLANNED, Status.SENDING, Status.HELD, Status.UNKNOWN):
            retries = row.attempt_at if row.status == Status.UNKNOWN else None
            upcoming += [row.lease_until, retries, row.expires_at]
        return min((at for at in upcoming if at and at > self.now), default=None)


class LivesInDoubt(Lives):
    """The same with a mail service that does not remove duplicates."""

    removes_duplicates = False


def _die() -> None:
    raise Killed


def _lines(sku: str | None) -> dict[str, Any]:
    return {"lines": [{"sku": sku, "quantity": 1}]} if sku else {}


def _copy(template: sqlite3.Connection) -> Engine:
    engine = make_engine("sqlite://")
    connection = engine.raw_connection()
    template.backup(connection.driver_connection)  # type: ignore[arg-type]  # it is SQLite's own
    connection.close()
    return engine


@pytest.mark.parametrize("lives", [Lives, LivesInDoubt])
def test_whatever_happens_nothing_is_lost_or_doubled_and_customers_know(
    lives: type[Lives], sqlite_template: Path
) -> None:
    with sqlite3.connect(sqlite_template) as lives.template, structlog.testing.capture_logs():
        run_state_machine_as_test(
            lives, settings=settings(max_examples=20, stateful_step_count=25, deadline=None)
        )
