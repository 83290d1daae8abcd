"""What is asked beside a transaction is answered on another connection where that is right, and else within it."""

import threading

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from notifier.db import beside as module
from notifier.db.beside import beside
from notifier.db.engine import reading, transaction

COUNT = text("SELECT count(*) FROM store")
ADD = text(
    "INSERT INTO store (id, name, timezone, locale, brand, policy, templates, widget, created_at)"
    " VALUES (:id, 'Hearth', 'UTC', 'en', '{}', '{}', '{}', 'off', '2026-11-27 12:00:00.000000')"
)


def who_and_how_many(session: Session) -> tuple[int, int]:
    return threading.get_ident(), session.execute(COUNT).scalar_one()


def test_all_answers_are_of_one_instant_and_come_from_another_thread(engine: Engine) -> None:
    with reading(engine) as session, beside(session) as asked:
        thread, before = asked.ask(who_and_how_many).result()
        with transaction(engine) as other:
            other.execute(ADD, {"id": "store_late"})
        assert asked.ask(who_and_how_many).result() == (thread, before)
        assert thread != threading.get_ident()


def test_who_may_have_written_is_answered_within_the_transaction(engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(ADD, {"id": "store_mine"})
        with beside(session) as asked:
            assert asked.ask(who_and_how_many).result() == (threading.get_ident(), 1)


def test_a_few_have_a_second_connection_at_a_time_and_give_it_back(engine: Engine) -> None:
    def elsewhere() -> bool:
        with reading(engine) as session, beside(session) as asked:
            return asked.ask(who_and_how_many).result()[0] != threading.get_ident()

    with reading(engine) as first, beside(first), reading(engine) as second, beside(second):
        assert not elsewhere()
    assert [elsewhere() for _ in range(module.AT_ONCE + 1)] == [True] * (module.AT_ONCE + 1)


def test_a_question_that_fails_fails_whoever_asked(engine: Engine) -> None:
    with reading(engine) as session, beside(session) as asked:
        answer = asked.ask(lambda own: own.execute(text("SELECT nothing")))
        with pytest.raises(Exception, match="nothing"):
            answer.result()
    with reading(engine) as session, beside(session) as asked:
        assert asked.ask(who_and_how_many).result()[1] == 0
