"""Who may open an order's page: whoever holds a link that we signed, that has not run out, and that was not ended."""

import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from notifier.links import LINKS_LAST, Links
from notifier.pages.throttle import Throttle
from notifier.words.language import wanted
from tests.pages.shop import API_KEY, NOW, OTHER_KEY, Shop
from tests.pages.test_console import token
from tests.pages.test_order_page import answer, everything, field, opened

KEY = {"Authorization": f"Bearer {API_KEY}"}


def revoke(shop: Shop, visitor: TestClient, order_id: str, key: str = API_KEY) -> int:
    path = f"/v1/backorders/{shop.ids[order_id]}/links/revoke"
    return visitor.post(path, json={}, headers={"Authorization": f"Bearer {key}"}).status_code


def replaced(link: str, place: int) -> str:
    return link[:place] + ("A" if link[place] != "A" else "B") + link[place + 1 :]


@pytest.mark.parametrize(
    "tamper",
    [
        lambda link: link[:-1],
        lambda link: link + "x",
        lambda link: replaced(link, len("/o/") + 5),
        lambda link: replaced(link, link.index(".") + 3),
        lambda link: link.replace(".", ""),
        lambda link: link.rpartition(".")[0] + ".",
        lambda link: "/o/" + Links("", "another secret, of 32 or more letters").order_token("bo_1", 1, NOW),
        lambda link: "/o/é",
    ],
)
def test_a_link_tampered_with_opens_nothing(
    shop: Shop, visitor: TestClient, tamper: Callable[[str], str]
) -> None:
    before = everything(shop)
    form = field(opened(visitor, shop.link("1046"), "keep"), "keep")
    link = tamper(shop.link("1046"))
    for sent in (
        visitor.get(link),
        visitor.post(link, data={"action": "keep", "form": form}),
        visitor.post(f"{link}/unsubscribe", data={"List-Unsubscribe": "One-Click"}),
        visitor.get(f"{link}/calendar.ics"),
    ):
        assert sent.status_code == 404
        assert "This link opens no order" in sent.text
    assert everything(shop) == before


def test_a_link_runs_out_after_a_year_and_says_so(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1044")
    form = field(opened(visitor, link, "cancel", sku="ORN-RED"), "cancel")
    shop.pass_time(days=LINKS_LAST.days)
    assert visitor.get(link).status_code == 200
    shop.pass_time(days=1)
    before = everything(shop)
    late = visitor.get(link)
    assert late.status_code == 410
    assert "This link has run out" in late.text
    assert visitor.post(link, data={"action": "cancel", "form": form}).status_code == 410
    assert visitor.post(f"{link}/unsubscribe", data={"List-Unsubscribe": "One-Click"}).status_code == 410
    assert visitor.get(f"{link}/calendar.ics").status_code == 410
    assert everything(shop) == before
    assert visitor.get(shop.link("1044")).status_code == 200


def test_a_store_ends_the_links_of_an_order_and_has_a_new_one(shop: Shop, visitor: TestClient) -> None:
    link, other = shop.link("1046"), shop.link("1043")
    form = field(opened(visitor, link, "keep"), "keep")
    path = f"/v1/backorders/{shop.ids['1046']}"
    why = {"reason": "the email was forwarded to a stranger"}
    told = visitor.post(f"{path}/links/revoke", json=why, headers=KEY)
    assert told.status_code == 200
    for sent in (visitor.get(link), visitor.post(link, data={"action": "keep", "form": form})):
        assert sent.status_code == 410
        assert "This link no longer works" in sent.text
    assert visitor.get(f"{link}/calendar.ics").status_code == 410
    fresh = told.json()["status_url"].removeprefix(shop.services.links.public_url)
    assert fresh == shop.link("1046")
    assert visitor.get(fresh).status_code == 200
    assert visitor.get(other).status_code == 200
    assert visitor.post(fresh, data={"action": "keep", "form": form, "yes": "yes"}).status_code == 403
    story = visitor.get(f"{path}/timeline", headers=KEY).json()["data"]
    [ended] = [event for event in story if event["what"] == "links_revoked"]
    assert (
        ended["why"]
        == "the store ended the links to the customer's page: the email was forwarded to a stranger"
    )


def test_emails_after_the_end_have_a_link_that_works(shop: Shop, visitor: TestClient) -> None:
    old = shop.link("1042")
    revoke(shop, visitor, "1042")
    shop.pass_time(hours=2)
    shop.dispatch()
    folder = shop.services.settings.outbox_dir
    written = "".join(file.read_text() for file in folder.rglob("*.eml")).replace("=\n", "")
    assert shop.link("1042").removeprefix("/o/") in written
    assert visitor.get(old).status_code == 410


def test_another_store_ends_no_links(shop: Shop, visitor: TestClient) -> None:
    before = everything(shop)
    assert revoke(shop, visitor, "1046", OTHER_KEY) == 404
    assert visitor.post("/v1/backorders/bo_none/links/revoke", json={}, headers=KEY).status_code == 404
    path = f"/v1/backorders/{shop.ids['1046']}/links/revoke"
    assert visitor.post(path, json={"why": "x"}, headers=KEY).status_code == 422
    assert visitor.post(path, json={}).status_code == 401
    assert everything(shop) == before


def test_an_operator_ends_links_in_the_console(shop: Shop, operator: TestClient) -> None:
    link, path = shop.link("1046"), f"/console/backorders/{shop.ids['1046']}"
    form = token(operator.get(path), "End all links")
    foreign = token(operator.get(f"/console/backorders/{shop.ids['1043']}"), "End all links")
    before = everything(shop)
    for data, headers in [
        ({"token": "made-up"}, {}),
        ({"token": foreign}, {}),
        ({"token": form}, {"Sec-Fetch-Site": "cross-site"}),
    ]:
        assert operator.post(f"{path}/links/revoke", data=data, headers=headers).status_code == 403
    assert everything(shop) == before
    sent = operator.post(f"{path}/links/revoke", data={"token": form, "reason": "for\0warded"})
    page = operator.get(sent.headers["Location"])
    assert "open nothing any more" in page.text
    assert "forwarded" in page.text
    assert f'href="{shop.services.links.public_url}{shop.link("1046")}"' in page.text
    assert operator.get(link).status_code == 410


def test_a_link_to_an_order_that_is_not_there_any_more_is_gone(shop: Shop, visitor: TestClient) -> None:
    links = shop.services.links
    assert visitor.get(f"/o/{links.order_token('bo_gone', 1, shop.now)}").status_code == 410


def test_the_links_of_one_day_are_one(shop: Shop) -> None:
    links = shop.services.links
    noon = NOW.replace(hour=12)
    assert links.order_token("bo_1", 1, noon) == links.order_token("bo_1", 1, noon + timedelta(hours=11))
    assert links.order_token("bo_1", 1, noon) != links.order_token("bo_1", 1, noon + timedelta(hours=12))
    assert links.order_token("bo_1", 1, noon) != links.order_token("bo_1", 2, noon)


# --- guesses ----------------------------------------------------------------------------------------------


def test_guesses_are_told_to_stop_and_keep_out_nobody_else(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1046")
    for _ in range(30):
        assert visitor.get(f"/o/{secrets.token_urlsafe(60)}").status_code == 404
    for refused in (
        visitor.head("/o/wrong"),
        visitor.post("/o/wrong", data={"action": "keep", "form": "x"}),
        visitor.get("/o/wrong/calendar.ics"),
    ):
        assert refused.status_code == 429
    refused = visitor.get("/o/wrong")
    assert "Too many wrong links" in refused.text
    assert 0 < int(refused.headers["Retry-After"]) <= 300
    assert visitor.get(link).status_code == 200  # from the very same network
    assert answer(visitor, link, "keep").status_code == 303
    shop.pass_time(minutes=5, seconds=1)
    assert visitor.get("/o/wrong").status_code == 404


def test_answers_from_one_link_are_bounded(shop: Shop, visitor: TestClient) -> None:
    link, other = shop.link("1043"), shop.link("1042")
    form = field(opened(visitor, link, "cancel", sku="LAMP-OPAL"), "cancel")
    for _ in range(30):
        assert visitor.post(link, data={"action": "cancel", "form": form}).status_code == 422
    before = everything(shop)
    refused = visitor.post(link, data={"action": "cancel", "form": form, "sku": "LAMP-OPAL"})
    assert refused.status_code == 429
    assert "Your last answer was not taken" in refused.text
    assert "Retry-After" in refused.headers
    assert everything(shop) == before
    assert visitor.get(link).status_code == 200
    assert answer(visitor, other, "keep").status_code == 303


def test_a_throttle_forgets_in_time_and_knows_only_so_many() -> None:
    throttle = Throttle(2, timedelta(minutes=1), most=3)
    for who in ("a", "a", "b"):
        throttle.count(who, NOW)
    assert (throttle.wait("a", NOW), throttle.wait("b", NOW), throttle.wait("c", NOW)) == (60, 0, 0)
    assert throttle.wait("a", NOW + timedelta(seconds=59)) == 1
    assert throttle.wait("a", NOW + timedelta(seconds=60)) == 0
    for who in ("c", "d"):
        throttle.count(who, NOW)
    assert throttle.wait("a", NOW) == 0


def test_a_million_guesses_take_no_memory() -> None:
    throttle = Throttle(30, timedelta(minutes=5))
    for number in range(50_000):
        throttle.count(str(number), NOW)
    assert len(throttle._counted) == throttle.most


# --- what is wrong, in their language ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "lang"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("nl,fr-CA;q=0.7,en;q=0.3", "fr"),
        ("en;q=0.2, pl", "pl"),
        ("ar", "ar"),
        ("de;q=0, es", "es"),
        ("xx", "en"),
        ("", "en"),
        ("*", "en"),
        ("de;q=x,;;,,=", "en"),
        ("\0" * 3, "en"),
    ],
)
def test_a_browser_is_answered_in_its_language(asked: str, lang: str) -> None:
    assert str(wanted(asked)) == lang


def test_a_wrong_link_is_explained_in_the_browsers_language(visitor: TestClient) -> None:
    page = visitor.get("/o/wrong", headers={"Accept-Language": "ar-EG,ar;q=0.9"}).text
    assert '<html lang="ar" dir="rtl">' in page
    assert "هذا الرابط لا يفتح أي طلب" in page
    assert "Dieser Link" in visitor.get("/o/wrong", headers={"Accept-Language": "de"}).text


def test_a_token_stands_in_no_log_and_no_error(
    shop: Shop, visitor: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = shop.link("1046").removeprefix("/o/")
    visitor.get(f"/o/{secret}")
    wrong = visitor.get(f"/o/{secret}x")
    shown = capsys.readouterr()
    assert "/o/{token}" in shown.out + shown.err
    assert secret not in shown.out + shown.err
    assert secret not in wrong.text
