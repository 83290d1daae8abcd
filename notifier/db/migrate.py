"""Brings a database up to date with Alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from notifier.db.engine import reading, translated

SCRIPTS = Path(__file__).resolve().parents[2] / "alembic"


def alembic_config(engine: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["engine"] = engine
    return config


def upgrade(engine: Engine) -> None:
    """Create the tables, or bring them up to date. Safe to call from several processes at once.

    Raises Unavailable when the database does not answer, or is none.
    """
    with translated():
        command.upgrade(alembic_config(engine), "head")


def is_current(engine: Engine) -> bool:
    """Whether the database has every migration. Raises Unavailable when it does not answer."""
    wanted = ScriptDirectory.from_config(alembic_config(engine)).get_heads()
    with reading(engine) as session:
        return set(MigrationContext.configure(session.connection()).get_current_heads()) == set(wanted)
