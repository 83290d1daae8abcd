"""The API on a real server, with a real database of each kind and an outbox in a folder."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from notifier.api import create_app
from notifier.bootstrap import ProviderShelf, build
from notifier.db.engine import transaction
from notifier.db.stores import create_store
from tests import parts
from tests.api.client import Api, Reference, Stage, a_client, opened, some_settings
from tests.shops.signed import SECRET


@pytest.fixture(scope="session")
def stage() -> Stage:
    return Stage()


@pytest.fixture(scope="session")
def server(stage: Stage) -> Iterator[str]:
    with parts.served(stage) as url:
        yield url


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """What the service declares, without a database."""
    folder = tmp_path_factory.mktemp("reference")
    return Reference(
        create_app(build(some_settings(f"sqlite:///{folder}/never-opened.db", folder))).openapi()
    )


@pytest.fixture
def api(stage: Stage, server: str, reference: Reference, engine: Engine, tmp_path: Path) -> Iterator[Api]:
    """A store's client, on a new database of each kind."""
    with opened(stage, server, reference, engine, tmp_path) as api:
        yield api


@pytest.fixture
def other(api: Api, server: str) -> Iterator[Api]:
    """Another store, on the same service."""
    with transaction(api.services.engine) as session:
        store = create_store(session, api.clock(), name="Somebody Else")
    with a_client(server, store) as http:
        yield replace(api, http=http, store=store)


@pytest.fixture
def shop(api: Api) -> Api:
    """A store that is connected to a shop of Shopify's."""
    api("PATCH", "/v1/store", json={"keys": {"shopify": {"webhook_secret": SECRET}}})
    return api


@pytest.fixture
def store(api: Api, stage: Stage) -> Iterator[Api]:
    """A store of an installation that lets its stores name servers of this machine."""
    services = api.services
    keyring = replace(services.keyring, any_host=True)
    shelf = ProviderShelf(services.settings, keyring, services.engine)
    services = replace(services, keyring=keyring, post=replace(services.post, provider_for=shelf))
    stage.app.state.services = services
    yield replace(api, services=services)
    shelf.close()
