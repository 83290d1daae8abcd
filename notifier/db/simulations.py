"""Stories that a store has played: the last few of each are kept, so that pages can show them again."""

from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col, select

from notifier.db.ids import new_id
from notifier.db.packed import pack, unpack
from notifier.db.simulation_tables import Simulation

KEPT = 20
"""How many of each store; whoever clicks a story together makes one with every click."""


def keep(session: Session, store_id: str, title: str, story: str, outcome: str, now: datetime) -> str:
    """Keep a story and what came of it, both as JSON, in place of the oldest; answers its id."""
    row = Simulation(
        id=new_id("sim"),
        store_id=store_id,
        at=now,
        title=title,
        story=pack(story.encode()),
        outcome=pack(outcome.encode()),
    )
    session.add(row)
    session.flush()
    of_store = select(Simulation.id).where(Simulation.store_id == store_id)
    newest = session.exec(of_store.order_by(col(Simulation.id).desc()).limit(KEPT)).all()
    session.execute(
        delete(Simulation)
        .where(col(Simulation.store_id) == store_id, col(Simulation.id).not_in(newest))
        .execution_options(synchronize_session=False)
    )
    return row.id


def find(session: Session, store_id: str, simulation_id: str) -> tuple[str, str] | None:
    """The story and its outcome, as JSON."""
    query = select(Simulation).where(Simulation.id == simulation_id, Simulation.store_id == store_id)
    row = session.exec(query).one_or_none()
    return (unpack(row.story).decode(), unpack(row.outcome).decode()) if row else None


def last(session: Session, store_id: str, limit: int) -> list[tuple[str, str, datetime]]:
    """(id, title, when it was played), the newest first."""
    query = (
        select(Simulation.id, Simulation.title, Simulation.at)
        .where(Simulation.store_id == store_id)
        .order_by(col(Simulation.id).desc())
        .limit(limit)
    )
    return [(simulation_id, title, at) for simulation_id, title, at in session.exec(query)]
