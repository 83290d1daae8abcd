"""Mail services of many accounts in one process: each made once, never out of date, and not without bound."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from notifier.bootstrap import ProviderShelf
from notifier.config import Settings
from notifier.db.accounts import keys_of
from notifier.db.engine import make_engine, reading, transaction
from notifier.db.stores import create_store
from notifier.errors import Misconfigured
from notifier.errors import Unavailable as DatabaseAway
from notifier.keyring import Keyring
from notifier.providers.base import Unavailable
from tests.house import NOON, at_once
from tests.providers.contract import PLAIN

SECRET = "the secret of these tests, of some length"


class Shelf(ProviderShelf):
    """Tells what is closed, by the account's name, and `before` one is made."""

    def __init__(self, engine: Engine, keyring: Keyring, folder: Path, room: int) -> None:
        settings = Settings(_env_file=None, outbox_dir=folder, secret_key=SecretStr(SECRET))
        super().__init__(settings, keyring, engine, room)
        self.closed: list[str] = []
        self.before: Callable[[str], object] = str

    def _make(self, account: str) -> Any:
        self.before(account)
        provider = super()._make(account)
        close = provider.close

        def told() -> None:
            self.closed.append(account)
            close()

        provider.close = told  # type: ignore[method-assign]  # it still closes
        return provider


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(SECRET, any_host=True)


@pytest.fixture
def shelf(engine: Engine, keyring: Keyring, tmp_path: Path) -> Shelf:
    return Shelf(engine, keyring, tmp_path, room=3)


def account(engine: Engine, keyring: Keyring, name: str, password: str = "secret") -> str:
    """The account of a store of that name, with a mail server of its own."""
    with transaction(engine) as session:
        if not keys_of(session, name):
            create_store(session, NOON, name=name, store_id=name)
        keyring.keep(session, name, "smtp", {"url": f"smtp://{name}:{password}@mail.example:25"}, NOON)
        found = keys_of(session, name)["smtp"].account
        assert found
        return found


def test_an_account_is_made_once(engine: Engine, keyring: Keyring, shelf: Shelf) -> None:
    name = account(engine, keyring, "a")
    found = at_once(*[lambda: shelf(name)] * 6)
    assert len({id(one) for one in found}) == 1
    assert shelf(name) is found[0]


def test_new_keys_are_another_account_and_the_old_one_is_gone(
    engine: Engine, keyring: Keyring, shelf: Shelf
) -> None:
    old = account(engine, keyring, "a")
    first = shelf(old)
    new = account(engine, keyring, "a", "changed")
    assert new != old
    assert shelf(new) is not first
    with pytest.raises(Misconfigured, match="no store has keys"):
        Shelf(engine, keyring, Path("unused"), 3)(old)


def test_the_one_idle_longest_makes_room_and_comes_back_when_needed(
    engine: Engine, keyring: Keyring, shelf: Shelf
) -> None:
    names = [account(engine, keyring, name) for name in "abcd"]
    for name in (*names[:3], names[0], names[3]):
        shelf(name)
    assert shelf.closed == [names[1]]
    shelf(names[1])
    assert shelf.closed == [names[1], names[2]]
    shelf.close()
    assert sorted(shelf.closed) == sorted([names[1], *names])


def test_stores_with_one_key_share_one(engine: Engine, keyring: Keyring, shelf: Shelf) -> None:
    with transaction(engine) as session:
        for number in range(20):
            create_store(session, NOON, name="Shop", store_id=f"store_{number}")
            keyring.keep(
                session, f"store_{number}", "klaviyo", {"api_key": "pk_the-same-for-all-of-them"}, NOON
            )
    with reading(engine) as session:
        (name,) = {keys_of(session, f"store_{number}")["klaviyo"].account for number in range(20)}
    assert shelf(str(name)).name == "klaviyo"


def test_others_need_not_wait_for_the_database(engine: Engine, keyring: Keyring, shelf: Shelf) -> None:
    name, asked, go = account(engine, keyring, "a"), threading.Event(), threading.Event()

    def slowly(wanted: str) -> None:
        if wanted == name:
            asked.set()
            go.wait(10)

    shelf.before = slowly
    waiting = threading.Thread(target=shelf, args=(name,))
    waiting.start()
    asked.wait(10)
    assert shelf("outbox").name == "outbox"
    go.set()
    waiting.join()


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_no_name_leads_a_stores_mail_into_our_own_network(scheme: str) -> None:
    """Checked at each connection, because a name may lead elsewhere than when it was entered."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"{scheme}://localhost:{listener.getsockname()[1]}"
        outcome = Keyring(SECRET).make("smtp", {"url": url}).send(PLAIN, NOON)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert isinstance(outcome, Unavailable)
    assert "no public address" in outcome.reason


def test_a_database_that_is_away_is_not_taken_for_a_missing_key(keyring: Keyring, tmp_path: Path) -> None:
    engine = make_engine("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(DatabaseAway):
        Shelf(engine, keyring, tmp_path, 3)("smtp-0123456789abcdef")
    engine.dispose()
