"""Brings a database up to date with Alembic, which is imported only to do so: a worker that starts just looks."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, inspect, text

from notifier.db.engine import reading, translated

if TYPE_CHECKING:
    from alembic.config import Config

SCRIPTS = Path(__file__).resolve().parents[2] / "alembic"


def alembic_config(engine: Engine) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["engine"] = engine
    return config


def upgrade(engine: Engine) -> None:
    """Create the tables, or bring them up to date. Safe to call from several processes at once.

    Raises Unavailable when the database does not answer, or is none.
    """
    from alembic import command

    with translated():
        command.upgrade(alembic_config(engine), "head")


def is_current(engine: Engine) -> bool:
    """Whether the database has every migration. Raises Unavailable when it does not answer."""
    with reading(engine) as session:
        connection = session.connection()
        if not inspect(connection).has_table("alembic_version"):
            return False
        return set(connection.execute(text("SELECT version_num FROM alembic_version")).scalars()) == heads()


def heads() -> set[str]:
    """The revisions that no other follows."""
    scripts = [script.read_text("utf-8") for script in (SCRIPTS / "versions").glob("*.py")]
    revisions, followed = (
        {
            found[1]
            for script in scripts
            if (found := re.search(rf'^{name}\b.* = "(\w+)"', script, re.MULTILINE))
        }
        for name in ("revision", "down_revision")
    )
    return revisions - followed
