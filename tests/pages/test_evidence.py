"""The evidence in the console: a page to print, one click from the order, and the signed file."""

import json

import pytest
from fastapi.testclient import TestClient

from notifier.domain.evidence import verify
from notifier.signed import Signer, holds
from tests.pages.shop import OTHER_KEY, Shop


def test_it_is_one_click_from_every_order_and_shows_the_whole_story(shop: Shop, operator: TestClient) -> None:
    for id_ in shop.ids.values():
        path = f"/console/backorders/{id_}/evidence"
        assert f'href="{path}"' in operator.get(f"/console/backorders/{id_}").text
        page = operator.get(path)
        assert page.status_code == 200, id_
        file = operator.get(f"{path}.json")
        made = json.loads(file.content)
        for record in made["records"]:
            assert record["hash"] in page.text
        for message in made["messages"]:
            for left in message["handed_over"]:
                assert left["sha256"] in page.text
        assert (
            made["head"]["signature"].replace("+", "&#43;") in page.text
            or made["head"]["signature"] in page.text
        )


def test_the_file_is_the_signed_one_to_save(shop: Shop, operator: TestClient) -> None:
    id_ = next(iter(shop.ids.values()))
    file = operator.get(f"/console/backorders/{id_}/evidence.json")
    assert file.headers["content-disposition"].startswith('attachment; filename="evidence-')
    assert file.headers["cache-control"] == "no-store"
    key = Signer(shop.services.settings.secret_key.get_secret_value()).public_key
    assert verify(file.content, holds, key).findings == ()


@pytest.mark.parametrize("ending", ["", ".json"])
def test_another_stores_order_is_not_found_and_nobody_else_sees_any(
    shop: Shop, visitor: TestClient, ending: str
) -> None:
    id_ = next(iter(shop.ids.values()))
    path = f"/console/backorders/{id_}/evidence{ending}"
    assert visitor.get(path).status_code == 303
    visitor.post("/console/login", data={"api_key": OTHER_KEY})
    assert visitor.get(path).status_code == 404
    assert visitor.get(f"/console/backorders/bo_x%00/evidence{ending}").status_code == 404
