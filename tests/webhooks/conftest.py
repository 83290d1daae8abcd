"""A store, and an endpoint of its own that is told what happens."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import parts
from tests.house import House, house
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.stage import Stage

__all__ = ["house"]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of localhost and hooks.example, and its key."""
    return parts.make_certificate(tmp_path_factory.mktemp("tls"), "hooks.example")


@pytest.fixture
def receiver(certificate: tuple[Path, Path]) -> Iterator[Receiver]:
    """One that speaks TLS."""
    with receiving(certificate) as running:
        yield running


@pytest.fixture
def plain_receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def stage(house: House, plain_receiver: Receiver) -> Stage:
    return Stage(house, plain_receiver)
