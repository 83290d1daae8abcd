"""The evidence of an order over HTTP and from the command line, and what happens to files that were changed."""

import json
from pathlib import Path

import pytest

from notifier.domain.evidence import verify
from notifier.signed import holds, read_public_key
from tests.api.client import Api


def test_it_is_a_file_to_keep_and_verifies_against_the_published_key(api: Api) -> None:
    id_ = api.register(order_id="10/42 ü")["id"]
    api.deliver()
    response = api.request("GET", f"/v1/backorders/{id_}/evidence")
    assert response.headers["content-disposition"] == 'attachment; filename="evidence-10-42--.json"'
    assert response.headers["cache-control"] == "no-store"
    pem = api.http.get("/evidence-key", headers={"Authorization": ""}).text
    verdict = verify(response.content, holds, read_public_key(pem))
    assert (verdict.findings, verdict.bodies) == ((), 1)
    assert response.json()["order"]["customer"]["email"] == "jane@example.com"


def test_another_stores_order_is_not_found(api: Api, other: Api) -> None:
    id_ = api.register()["id"]
    problem = other.problem(404, "GET", f"/v1/backorders/{id_}/evidence")
    assert "no backorder" in problem["detail"]
    api.problem(404, "GET", "/v1/backorders/bo_nobody/evidence")


def test_reading_it_changes_nothing(api: Api) -> None:
    id_ = api.register()["id"]
    first = api("GET", f"/v1/backorders/{id_}/evidence")
    assert api("GET", f"/v1/backorders/{id_}/evidence") == first


@pytest.mark.parametrize("key", ["", "x" * 40, "/no/such/file.pem"])
def test_a_key_that_is_none_is_said(key: str) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        read_public_key(key)


def test_a_file_saved_from_the_api_is_what_was_signed(api: Api, tmp_path: Path) -> None:
    id_ = api.register()["id"]
    api.deliver()
    file = tmp_path / "evidence.json"
    file.write_bytes(api.request("GET", f"/v1/backorders/{id_}/evidence").content)
    document = json.loads(file.read_bytes())
    document["messages"][0]["subject"] = "Another subject"
    changed = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"
    (finding,) = verify(changed.encode(), holds).findings
    assert finding.pointer == "/messages"
