"""What a shop's own pages may ask, from anywhere: one sentence of one SKU of one store, and nothing else."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from notifier import advising
from notifier.api import create_app
from notifier.pages.throttle import Tap
from tests.api.client import START, Api, Json, a_line

SKU = "ORN-RED"


def turn(api: Api, how: str = "stated") -> str:
    """Have the store's pages say when goods ship; its public key."""
    return str(api("PATCH", "/v1/store", json={"widget": how})["widget_key"])


def get(api: Api, key: str, sku: str = SKU, status: int = 200, **options: Any) -> httpx2.Response:
    """As a visitor's browser asks: with no key of the store's."""
    headers = {"Authorization": ""} | options.pop("headers", {})
    response = api.request("GET", f"/widget/v1/{key}/{sku}", headers=headers, **options)
    assert response.status_code == status, response.text
    return response


def said(api: Api, key: str, sku: str = SKU, **options: Any) -> Json:
    answer: Json = get(api, key, sku, **options).json()
    return answer


def test_a_page_says_when_an_order_placed_now_would_ship(api: Api) -> None:
    api.register(lines=[a_line(eta="2026-12-12", eta_earliest="2026-12-08")])
    told = said(api, turn(api), params={"locale": "en-GB"})
    assert told == {
        "state": "backorder",
        "text": "On backorder: ships 8\u201312\u202fDec".replace("\u202f", " "),
        "earliest": "2026-12-08",
        "latest": "2026-12-12",
        "locale": "en-GB",
        "dir": "ltr",
    }


@pytest.mark.parametrize(
    ("locale", "text", "direction"),
    [
        ("de", "Derzeit nicht auf Lager: Versand 8.–12. Dez.", "ltr"),
        ("fr-CA", "En réapprovisionnement : expédition prévue 8–12 déc.", "ltr"),
        ("es", "Pendiente de reposición: envío previsto 8–12 de diciembre", "ltr"),
        ("pl", "Chwilowo niedostępne: wysyłka 8–12 grudnia", "ltr"),
        ("ar", "قيد إعادة التوفير: يُشحن 8–12 ديسمبر", "rtl"),
    ],
)
def test_it_speaks_the_visitors_language(api: Api, locale: str, text: str, direction: str) -> None:
    api.register(lines=[a_line(eta="2026-12-12", eta_earliest="2026-12-08")])
    key = turn(api)
    ways: list[Json] = [
        {"params": {"locale": locale}},
        {"headers": {"Accept-Language": f"xx, {locale};q=0.8"}},
    ]
    for way in ways:
        told = said(api, key, **way)
        plain = told["text"].replace("\u2009", "").replace("\u202f", " ").replace("\xa0", " ")
        assert (plain, told["dir"]) == (text, direction)


@pytest.mark.parametrize(
    ("accepted", "locale"),
    [
        ("de;q=0.5, fr;q=0.9", "fr"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("*", "en-US"),
        ("xx-YY, tlh", "en-US"),
        ("", "en-US"),
        (";;q=,<script>", "en-US"),
        ("de;q=9", "en-US"),
        ("x" * 5000, "en-US"),
    ],
)
def test_of_the_languages_that_a_browser_accepts_the_best_that_we_speak(
    api: Api, accepted: str, locale: str
) -> None:
    api.register()
    response = get(api, turn(api), headers={"Accept-Language": accepted})
    assert response.json()["locale"] == locale
    assert response.headers["vary"] == "Accept-Language"


def test_a_single_day_another_year_and_no_date_are_said_as_such(api: Api) -> None:
    key = turn(api)
    for sku, eta, state, text in (
        ("DAY", "2026-12-12", "backorder", "On backorder: ships by December 12"),
        ("YEAR", "2027-01-12", "backorder", "On backorder: ships by January 12, 2027"),
        ("NOBODY", None, "unknown", "On backorder: we can’t say yet when it ships"),
    ):
        api.register(order_id=sku, lines=[a_line(sku, eta=eta)])
        told = said(api, key, sku)
        assert (told["state"], told["text"].replace("\u202f", " ")) == (state, text)


def test_a_sku_that_nobody_waits_for_has_nothing_to_say(api: Api) -> None:
    key = turn(api)
    shipped = api.register()["id"]
    api("POST", f"/v1/backorders/{shipped}/shipments", 201, json={})
    for sku in (SKU, "NEVER-HEARD-OF"):
        told = said(api, key, sku)
        assert (told["state"], told["text"], told["latest"]) == ("none", None, None)


def test_a_date_that_has_passed_is_no_date(api: Api) -> None:
    api.register(lines=[a_line(eta="2026-12-02")])
    key = turn(api)
    api.clock.pass_by(days=1, hours=14)  # past midnight in New York
    assert said(api, key)["state"] == "unknown"


def test_the_newest_orders_speak_not_the_oldest_nor_one_put_right(api: Api) -> None:
    key = turn(api)
    for number, eta in enumerate(["2026-12-05"] * 6 + ["2026-12-20"] * 3):
        last = api.register(order_id=str(number), lines=[a_line(eta=eta)])["id"]
    assert said(api, key)["latest"] == "2026-12-20"
    api("PATCH", f"/v1/backorders/{last}", json={"lines": [{"sku": SKU, "eta": "2027-03-01"}]})
    assert said(api, key)["latest"] == "2026-12-20"
    api("PUT", f"/v1/skus/{SKU}/eta", json={"eta": "2026-12-24"})
    assert said(api, key)["latest"] == "2026-12-24"


def test_only_a_store_that_wants_it_has_its_pages_say_what_history_says(api: Api) -> None:
    api.clock.now = START - timedelta(days=200)
    for number in range(6):
        eta = (api.clock.now + timedelta(days=10)).date().isoformat()
        order = api.register(order_id=f"past-{number}", placed_at=..., lines=[a_line(eta=eta)])["id"]
        api.clock.pass_by(days=15)
        api("POST", f"/v1/backorders/{order}/shipments", 201, json={})
        api.clock.pass_by(days=15)
    while advising.learn(api.services.engine, api.clock()):
        pass
    api.clock.now = START
    api.register()
    assert said(api, turn(api, "stated"))["latest"] == "2026-12-12"
    told = said(api, turn(api, "honest"))
    assert (told["earliest"], told["latest"]) == (None, "2026-12-17")


def test_a_shipment_with_units_to_spare_is_what_the_next_order_gets(api: Api) -> None:
    key = turn(api)
    api.register(lines=[a_line(quantity=3, eta="2026-12-05")])
    for reference, quantity, eta in (("PO-1", 3, "2026-12-08"), ("PO-2", 10, "2026-12-22")):
        shipment = {"reference": reference, "eta": eta, "lines": [{"sku": SKU, "quantity": quantity}]}
        api("POST", "/v1/inbound-shipments", 201, json=shipment)
    assert said(api, key)["latest"] == "2026-12-22"


# --- who may ask -----------------------------------------------------------------------------------------


def test_nothing_is_told_unless_the_store_turned_it_on(api: Api) -> None:
    api.register()
    assert api("GET", "/v1/store")["widget_key"] is None
    key = turn(api)
    assert said(api, key)["state"] == "backorder"
    assert api("PATCH", "/v1/store", json={"widget": "off"})["widget_key"] == key
    get(api, key, status=404)
    assert turn(api) == key  # the pages that have it speak again
    assert said(api, key)["state"] == "backorder"


def test_a_key_tells_of_its_own_store_only(api: Api, other: Api) -> None:
    api.register(lines=[a_line("MINE", eta="2026-12-12")])
    mine, theirs = turn(api), turn(other)
    assert mine != theirs
    assert mine not in {api.store.store.id, api.store.api_key}
    assert said(api, theirs, "MINE")["state"] == "none"


@pytest.mark.parametrize("key", ["pk_nobody", "%2a", "pk_%25", "..", "%3Cscript%3E", "x" * 101, "a%00b"])
def test_a_key_that_is_none_opens_nothing(api: Api, key: str) -> None:
    api.register()
    turn(api)
    response = api.request("GET", f"/widget/v1/{key}/{SKU}")
    assert response.status_code in {404, 422}
    assert "latest" not in response.text


def test_neither_the_stores_id_nor_its_secret_key_is_a_public_key(api: Api) -> None:
    api.register()
    turn(api)
    for key in (api.store.store.id, api.store.api_key):
        get(api, key, status=404)


def test_who_asks_too_often_waits_and_nobody_else_does(api: Api) -> None:
    key = turn(api)
    tap = Tap(rate=1, burst=3)
    app = create_app(api.services)
    app.state.shoppers = tap
    near, far = (TestClient(app, client=(host, 4000)) for host in ("192.0.2.1", "192.0.2.2"))
    path = f"/widget/v1/{key}/{SKU}"
    assert [near.get(path).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = near.get(path)
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers["Cache-Control"] == "no-store"
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    assert refused.json()["type"].endswith("too-many")
    assert far.get(path).status_code == 200
    assert near.get("/widget.js").status_code == 200
    api.clock.pass_by(seconds=1)
    assert [near.get(path).status_code for _ in range(2)] == [200, 429]
    api.clock.pass_by(hours=1)
    assert [near.get(path).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_visitor_of_pages_is_far_from_the_limit(api: Api) -> None:
    key = turn(api)
    assert {get(api, key).status_code for _ in range(50)} == {200}


def test_a_tap_knows_a_bounded_number_of_addresses() -> None:
    tap = Tap(rate=1, burst=1, most=2)
    assert [tap.take(who, START) for who in ("a", "b", "c")] == [0, 0, 0]
    assert tap.take("c", START) == 1
    assert tap.take("a", START) == 0  # forgotten, as it was quiet the longest


@pytest.mark.parametrize("sku", ["*", "%25", "ORN%25", "ORN-_ED", "orn-red", "ORN-RE", "'%20OR%201=1--"])
def test_a_wildcard_is_a_sku_like_any_other(api: Api, sku: str) -> None:
    api.register()
    assert said(api, turn(api), sku)["state"] == "none"


@pytest.mark.parametrize("where", ["sku", "locale", "key"])
def test_what_was_asked_is_never_repeated(api: Api, where: str) -> None:
    key, script = turn(api), "<script>alert(1)</script>"
    encoded = "%3Cscript%3Ealert(1)%3C%2Fscript%3E"
    path = {"sku": f"{key}/{encoded}", "locale": f"{key}/{SKU}", "key": f"{encoded}/{SKU}"}[where]
    response = api.request(
        "GET", f"/widget/v1/{path}", params={"locale": script} if where == "locale" else {}
    )
    assert script not in response.text
    assert response.headers["content-type"] in {"application/json", "application/problem+json"}
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("sku", "params", "pointer"),
    [
        ("x" * 201, {}, "/sku"),
        ("%20", {}, "/sku"),
        ("a%00b", {}, "/sku"),
        (SKU, {"locale": "not a locale"}, "/locale"),
        (SKU, {"locale": "x" * 36}, "/locale"),
        (SKU, {"locale": ""}, "/locale"),
    ],
)
def test_what_can_be_no_sku_or_locale_is_refused_by_name(
    api: Api, sku: str, params: Json, pointer: str
) -> None:
    response = get(api, turn(api), sku, 422, params=params)
    fault = response.json()["errors"][0]
    assert fault["pointer"] == pointer
    assert fault["detail"]
    assert response.headers["access-control-allow-origin"] == "*"


def test_a_locale_that_we_do_not_speak_is_english(api: Api) -> None:
    api.register()
    assert said(api, turn(api), params={"locale": "tlh"})["locale"] == "en"


@pytest.mark.parametrize("wanted", ["on", True, None, "STATED"])
def test_the_store_can_only_want_what_there_is(api: Api, wanted: object) -> None:
    fault = api.problem(422, "PATCH", "/v1/store", json={"widget": wanted})["errors"][0]
    assert fault["pointer"] == "/widget"


# --- caches ----------------------------------------------------------------------------------------------


def test_caches_may_keep_it_and_are_told_when_it_is_the_same(api: Api) -> None:
    api.register()
    key = turn(api)
    first = get(api, key, params={"locale": "de"})
    assert first.headers["cache-control"].startswith("public, max-age=300")
    assert "vary" not in first.headers
    etag = first.headers["etag"]
    known = {"If-None-Match": f'"x", W/{etag}'}
    again = api.http.get(f"/widget/v1/{key}/{SKU}", params={"locale": "de"}, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["access-control-allow-origin"] == "*"
    api("PUT", f"/v1/skus/{SKU}/eta", json={"eta": "2026-12-20"})
    assert get(api, key, params={"locale": "de"}, headers={"If-None-Match": etag}).headers["etag"] != etag


def test_pages_of_every_origin_may_read_answers_and_errors(api: Api) -> None:
    key = turn(api)
    for response in (get(api, key), get(api, "pk_nobody", status=404), get(api, key, "x" * 201, 422)):
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "access-control-allow-credentials" not in response.headers
        assert response.headers["cache-control"].startswith("public, max-age=")


def test_the_script_is_small_and_writes_text_only(api: Api) -> None:
    response = api.http.get("/widget.js")
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["access-control-allow-origin"] == "*"
    assert len(response.content) < 5000
    for unsafe in (b"innerHTML", b"outerHTML", b"document.write", b"eval(", b"insertAdjacent", b"Function("):
        assert unsafe not in response.content
    known = {"If-None-Match": response.headers["etag"]}
    assert api.http.get("/widget.js", headers=known).status_code == 304
