"""The console: who gets in, what they see, and what they can do."""

import re
from collections import Counter
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from notifier.api.app import create_app
from notifier.db import accounts, outbox
from notifier.db.overview import in_trouble, last_sent
from notifier.domain.message import Status
from notifier.pages.session import ticket
from notifier.words.language import LANGUAGES
from notifier.words.samples import SAMPLES
from tests.pages.shop import API_KEY, OTHER_KEY, Shop
from tests.pages.test_order_page import everything


def token(page: Response, button: str) -> str:
    """The hidden token of the form that has this button."""
    form = next(form for form in re.findall(r"<form.*?</form>", page.text, re.DOTALL) if button in form)
    found = re.search(r'name="token" value="([^"]+)"', form)
    assert found
    return found[1]


def links(page: Response, start: str) -> list[str]:
    return re.findall(rf'href="({re.escape(start)}[^"?]+)"', page.text)


# --- getting in ------------------------------------------------------------------------------------------


def test_the_front_door_leads_to_the_console(visitor: TestClient) -> None:
    assert visitor.get("/").headers["Location"] == "/console"


@pytest.mark.parametrize(
    "path", ["/console", "/console/messages", "/console/backorders/x", "/console/skus/A"]
)
def test_nobody_sees_anything_without_signing_in(visitor: TestClient, path: str) -> None:
    answer = visitor.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/console/login?next={path}")


def test_the_key_opens_the_page_that_was_asked_for(visitor: TestClient) -> None:
    answer = visitor.post("/console/login", data={"api_key": f" {API_KEY} ", "next": "/console/skus"})
    assert answer.headers["Location"] == "/console/skus"
    cookie = answer.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert API_KEY not in cookie
    assert visitor.get("/console/skus").status_code == 200


def test_the_cookie_stays_with_https_where_the_pages_do(shop: Shop) -> None:
    settings = shop.services.settings.model_copy(update={"public_url": "https://mail.fernandoak.example"})
    app = create_app(replace(shop.services, settings=settings))
    with TestClient(app, base_url="https://mail.fernandoak.example", follow_redirects=False) as client:
        answer = client.post("/console/login", data={"api_key": API_KEY})
    assert "secure" in answer.headers["Set-Cookie"].lower()


@pytest.mark.parametrize(
    "onward", ["https://evil.example", "//evil.example", "/console//../..//x", "/consolex"]
)
def test_signing_in_never_leads_to_another_site(visitor: TestClient, onward: str) -> None:
    answer = visitor.post("/console/login", data={"api_key": API_KEY, "next": onward})
    assert answer.headers["Location"].startswith("/console")
    assert "evil" not in answer.headers["Location"]


def test_a_wrong_key_is_told_so_and_not_shown_again(visitor: TestClient) -> None:
    answer = visitor.post("/console/login", data={"api_key": "nk_wrong"})
    assert answer.status_code == 401
    assert "nk_wrong" not in answer.text
    assert "No store has this key." in answer.text


def test_too_many_wrong_keys_have_to_wait(shop: Shop, visitor: TestClient) -> None:
    for _ in range(5):
        assert visitor.post("/console/login", data={"api_key": "nk_wrong"}).status_code == 401
    waiting = visitor.post("/console/login", data={"api_key": API_KEY})
    assert (waiting.status_code, waiting.headers["Retry-After"]) == (429, "300")
    shop.pass_time(minutes=5)
    assert visitor.post("/console/login", data={"api_key": API_KEY}).status_code == 303


def test_another_site_can_not_sign_anybody_in(visitor: TestClient) -> None:
    sent = visitor.post("/console/login", data={"api_key": API_KEY}, headers={"Sec-Fetch-Site": "cross-site"})
    assert sent.status_code == 403
    assert "Set-Cookie" not in sent.headers


def test_a_ticket_signs_in_by_its_button_and_not_by_its_address(shop: Shop, visitor: TestClient) -> None:
    card = ticket(shop.services, "store_fern")
    page = visitor.get(f"/console/login?ticket={card}")
    assert "Open the console" in page.text
    assert "Set-Cookie" not in page.headers
    assert visitor.post("/console/login", data={"ticket": card}).status_code == 303
    assert "Fern &amp; Oak" in visitor.get("/console").text


def test_a_ticket_runs_out(shop: Shop, visitor: TestClient) -> None:
    card = ticket(shop.services, "store_fern")
    shop.pass_time(minutes=31)
    assert visitor.post("/console/login", data={"ticket": card}).status_code == 401


def test_a_session_runs_out(shop: Shop, operator: TestClient) -> None:
    shop.pass_time(hours=12)
    assert operator.get("/console").status_code == 303


def test_a_made_up_session_is_none(visitor: TestClient) -> None:
    visitor.cookies.set("notifier_console", "W3sic3RvcmUiOiJzdG9yZV9mZXJuIn0sbnVsbF0.AAAA")
    assert visitor.get("/console").status_code == 303


def test_signing_out_needs_the_pages_own_form(operator: TestClient) -> None:
    assert operator.post("/console/logout", data={"token": "x"}).status_code == 403
    page = operator.get("/console")
    assert operator.post("/console/logout", data={"token": token(page, "Sign out")}).status_code == 303
    assert operator.get("/console").status_code == 303


# --- looking ---------------------------------------------------------------------------------------------


ALIKE = 4
"""How many addresses are opened that differ in the values of their queries alone: a page's many settings."""


def every_page(operator: TestClient) -> list[str]:
    """The address of every page that the console's own links lead to; of those that are alike, some."""
    opened: Counter[tuple[str, frozenset[str]]] = Counter()
    known, todo, seen = {"/console"}, ["/console"], list[str]()
    while todo:
        path = todo.pop()
        address = urlsplit(path)
        kind = address.path, frozenset(parse_qs(address.query))
        opened[kind] += 1
        if opened[kind] > ALIKE:
            continue
        page = operator.get(path)
        assert (path, page.status_code) == (path, 200)
        seen.append(path)
        found = re.findall(r'(?:href|src)="(/console[^"]*)"', page.text)
        new = [one for one in dict.fromkeys(link.replace("&amp;", "&") for link in found) if one not in known]
        known.update(new)
        todo += new
    return seen


def test_looking_at_every_page_changes_nothing(shop: Shop, operator: TestClient) -> None:
    before = everything(shop)
    assert len(every_page(operator)) > 100
    assert everything(shop) == before


def test_the_overview_counts_and_tells_what_comes_next(operator: TestClient) -> None:
    page = operator.get("/console").text
    figures = {
        name: int(count.replace(",", ""))
        for count, name in re.findall(r"<b>([\d,]+)</b><span>([^<]+)</span>", page)
    }
    assert figures["orders waiting"] == 4
    assert figures["partly shipped"] == 1
    assert figures["need an answer"] == 2
    assert figures["past their date"] == 0
    assert figures["emails in trouble"] == 0
    assert "Tue 1 Dec 2026, 10:15 EST" in page  # the settled delay of 1042, on its customer's clock


def test_a_date_that_has_passed_is_pointed_out(shop: Shop, operator: TestClient) -> None:
    shop.pass_time(hours=11, days=13)
    operator.post("/console/login", data={"api_key": API_KEY})
    assert '<span class="tag bad">passed</span>' in operator.get("/console/skus").text
    assert "date that has passed" in operator.get("/console/skus/ORN-RED").text


def test_a_paused_account_is_told_with_its_reason(shop: Shop, operator: TestClient) -> None:
    with shop.writing() as session:
        accounts.pause(session, "outbox", shop.now, "the disk is full", lambda _: shop.now.replace(hour=18))
    page = operator.get("/console").text
    assert "Nothing is sent through outbox until Tue 1 Dec 2026, 13:00 EST." in page
    assert "the disk is full" in page


def test_a_pause_is_ended_by_hand(shop: Shop, operator: TestClient) -> None:
    with shop.writing() as session:
        accounts.pause(session, "outbox", shop.now, "the disk is full", lambda _: shop.now.replace(hour=18))
    shown = token(operator.get("/console"), "It is mended")
    path = "/console/accounts/outbox/resume"
    assert operator.post(path, data={"token": "x"}).status_code == 403
    assert operator.post("/console/accounts/smtp/resume", data={"token": shown}).status_code == 403
    assert "the disk is full" in operator.get("/console").text
    assert operator.post(path, data={"token": shown}).status_code == 303
    assert "the disk is full" not in operator.get("/console").text


@pytest.mark.parametrize(
    ("words", "orders"),
    [("1046", {"1046"}), ("JONAS@", {"1044"}), ("LAMP-OPAL", {"1043", "1045"}), ("%", set()), ("\0", None)],
)
def test_orders_are_found_by_number_email_and_sku(
    shop: Shop, operator: TestClient, words: str, orders: set[str] | None
) -> None:
    found = links(operator.get("/console/backorders", params={"q": words}), "/console/backorders/")
    by_id = {one: number for number, one in shop.ids.items()}
    assert {by_id[link.rpartition("/")[2]] for link in found} == (set(shop.ids) if orders is None else orders)


def test_an_order_shows_its_past_and_future_on_one_line_of_time(shop: Shop, operator: TestClient) -> None:
    page = operator.get(f"/console/backorders/{shop.ids['1042']}").text
    story = page[page.index("What happened, and what will") :]
    order = [
        "Registered",
        "What to expect",
        "Date moved",
        "Not needed",
        "Now",
        "Planned",
    ]
    places = [story.index(words) for words in order]
    assert places == sorted(places)
    assert "Tells ORN-RED: Fri 18 Dec 2026" in story


def test_an_email_is_shown_as_it_was_sent(shop: Shop, operator: TestClient) -> None:
    [path, *_] = links(operator.get("/console/messages?kind=consent&status=sent"), "/console/messages/")
    page = operator.get(path).text
    assert "As it was sent" in page
    assert "accepted by outbox" in page
    email = operator.get(f"{path}/email")
    assert email.text.startswith("<!doctype html>")
    assert email.headers["Content-Security-Policy"].startswith("sandbox;")


def test_a_planned_email_is_shown_as_it_will_be_on_its_day(shop: Shop, operator: TestClient) -> None:
    page = operator.get(f"/console/backorders/{shop.ids['1044']}")
    planned = [link for link in links(page, "/console/messages/") if "1 day" in operator.get(link).text]
    assert planned
    assert "As it will be, if nothing changes" in operator.get(planned[-1]).text


def test_every_kind_can_be_previewed_in_every_language_light_and_dark(operator: TestClient) -> None:
    for sample in SAMPLES:
        for lang in LANGUAGES:
            query: dict[str, Any] = {"kind": sample.kind.value, "sample": sample.name, "lang": lang}
            assert operator.get("/console/templates", params=query).status_code == 200
    light, dark = (
        operator.get("/console/templates/email", params=query | {"scheme": scheme})
        for scheme in ("light", "dark")
    )
    assert "@media not all" in light.text
    assert "@media all" in dark.text
    assert dark.headers["Content-Security-Policy"].startswith("sandbox;")


# --- doing -----------------------------------------------------------------------------------------------


def test_asking_what_a_new_date_would_do_does_nothing(shop: Shop, operator: TestClient) -> None:
    before = everything(shop)
    page = operator.get(
        "/console/skus/ORN-RED", params={"ask": "true", "eta": "2027-02-20", "reason": "a strike"}
    )
    assert "Yes, move 5 orders" in page.text
    assert "need the customer’s answer" in page.text
    assert everything(shop) == before


def test_the_second_yes_moves_every_order(shop: Shop, operator: TestClient) -> None:
    asked = {"eta": "2027-02-20", "eta_earliest": "", "reason": "a strike"}
    page = operator.get("/console/skus/ORN-RED", params={"ask": "true"} | asked)
    sent = operator.post("/console/skus/ORN-RED", data=asked | {"token": token(page, "Yes, move")})
    assert sent.status_code == 303
    assert "The date is moved." in operator.get(sent.headers["Location"]).text
    assert "Saturday, February 20, 2027" in operator.get(shop.link("1042")).text


def test_a_sku_may_hold_slashes_and_spaces(operator: TestClient) -> None:
    path = next(link for link in links(operator.get("/console/skus"), "/console/skus/") if "SIDE" in link)
    asked = {"eta": "2027-03-01", "eta_earliest": "2027-02-25", "reason": ""}
    page = operator.get(path, params={"ask": "true"} | asked)
    sent = operator.post(path, data=asked | {"token": token(page, "Yes, move")})
    assert sent.status_code == 303
    assert operator.get(sent.headers["Location"]).status_code == 200


def test_the_second_yes_is_for_the_date_that_was_shown(shop: Shop, operator: TestClient) -> None:
    page = operator.get("/console/skus/ORN-RED", params={"ask": "true", "eta": "2027-02-20"})
    shown = token(page, "Yes, move")
    before = everything(shop)
    for data in ({"eta": "2028-02-20", "token": shown}, {"eta": "2027-02-20", "token": "x"}):
        assert operator.post("/console/skus/ORN-RED", data=data).status_code == 403
    assert operator.post("/console/skus/ORN-RED", data={"eta": "2027-02-20"}).status_code == 422
    assert everything(shop) == before


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"eta": "tomorrow"}, "eta"),
        ({"eta": "2027-01-01", "eta_earliest": "2027-02-01"}, "lies after"),
        ({"eta_earliest": "2027-02-01"}, "needs an eta"),
    ],
)
def test_an_impossible_date_is_explained(operator: TestClient, asked: dict[str, str], told: str) -> None:
    page = operator.get("/console/skus/ORN-RED", params={"ask": "true"} | asked)
    assert page.status_code == 422
    assert told in page.text


def test_a_failed_email_is_sent_again_when_a_person_says_so(shop: Shop, operator: TestClient) -> None:
    with shop.writing() as session:
        message = next(mail for mail, _ in last_sent(session, "store_fern", 50) if mail.kind == "shipped")
        outbox.move(
            session, message, Status.FAILED, "rejected by the mail service: no such mailbox", shop.now
        )
    path = f"/console/messages/{message.id}"
    assert "no such mailbox" in operator.get("/console").text
    page = operator.get(path)
    assert operator.post(f"{path}/resolve", data={"action": "resend", "token": "x"}).status_code == 403
    sent = operator.post(f"{path}/resolve", data={"action": "resend", "token": token(page, "Send it again")})
    assert sent.headers["Location"] == path
    shop.dispatch()
    assert "Send it again" not in operator.get(path).text
    with shop.writing() as session:
        assert in_trouble(session, "store_fern", 5) == []


def test_another_store_sees_and_does_nothing_here(
    shop: Shop, operator: TestClient, visitor: TestClient
) -> None:
    order = f"/console/backorders/{shop.ids['1046']}"
    message = links(operator.get(order), "/console/messages/")[0]
    form = token(operator.get(order), "Sign out")
    visitor.post("/console/login", data={"api_key": OTHER_KEY})
    assert "Somebody Else" in visitor.get("/console").text
    for path in (order, message, f"{message}/email", "/console/skus/ORN-RED"):
        assert visitor.get(path).status_code == 404
    assert visitor.post(f"{message}/resolve", data={"action": "drop", "token": form}).status_code == 403
    assert links(visitor.get("/console/backorders"), "/console/backorders/") == []
    assert links(visitor.get("/console/messages"), "/console/messages/") == []


def test_what_shops_and_customers_write_is_shown_as_text(shop: Shop, operator: TestClient) -> None:
    nasty = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    shop.register(
        nasty,
        customer={"email": "x@example.com", "name": nasty},
        lines=[{"sku": nasty, "name": nasty, "quantity": 1, "eta": None, "reason": nasty}],
    )
    pages = ["/console", "/console/backorders", "/console/skus", f"/console/backorders/{shop.ids[nasty]}"]
    for path in [*pages, *links(operator.get("/console/skus"), "/console/skus/")]:
        page = operator.get(path).text
        assert "<script" not in page
        assert "<img src=x" not in page
    search = operator.get("/console/backorders", params={"q": nasty}).text
    assert "<script" not in search
