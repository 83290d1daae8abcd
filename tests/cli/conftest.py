"""What tests of the command line have in common."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from notifier.db.engine import make_engine
from notifier.db.migrate import upgrade


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """The database that the commands work on, up to date."""
    engine = make_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    upgrade(engine)
    yield engine
    engine.dispose()
