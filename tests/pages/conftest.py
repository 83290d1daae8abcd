"""A shop for the tests of the pages."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.pages.shop import API_KEY, Shop, open_shop, stock


@pytest.fixture(scope="session")
def stocked(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The database of a shop whose orders are in every situation, to be copied, and their ids."""
    folder = tmp_path_factory.mktemp("shop")
    file = Path(shutil.copy(sqlite_template, folder / "shop.db"))
    shop = open_shop(f"sqlite:///{file}", folder)
    stock(shop)
    shop.services.engine.dispose()
    return file, shop.ids


@pytest.fixture
def shop(stocked: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Shop]:
    """A shop whose orders are in every situation, for this test alone."""
    file, ids = stocked
    shop = open_shop(f"sqlite:///{shutil.copy(file, tmp_path / 'shop.db')}", tmp_path)
    shop.ids.update(ids)
    yield shop
    shop.services.engine.dispose()


@pytest.fixture
def visitor(shop: Shop) -> Iterator[TestClient]:
    """A browser that nobody has signed in with."""
    with TestClient(shop.app, follow_redirects=False) as client:
        yield client


@pytest.fixture
def operator(visitor: TestClient) -> TestClient:
    """The same, signed in to Fern & Oak."""
    assert visitor.post("/console/login", data={"api_key": API_KEY}).status_code == 303
    return visitor
