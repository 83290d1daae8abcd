"""Language and reminders, as the customer chooses them: for all their orders, and each change once."""

import re

from fastapi.testclient import TestClient
from sqlmodel import select

from notifier.db.engine import reading
from notifier.db.tables import MessageRow
from tests.pages.happenings import (
    happened,
    locale,
)
from tests.pages.shop import Shop
from tests.pages.test_answers import scanned
from tests.pages.test_order_page import answer, everything

# --- language and reminders -------------------------------------------------------------------------------


def test_the_language_is_changed_for_the_page_and_the_emails(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1042")
    assert answer(visitor, link, "preferences", language="de").status_code == 303
    page = visitor.get(f"{link}?done=preferences").text
    assert '<html lang="de' in page
    assert "Ihre Bestellung" in page
    assert "Gespeichert." in page
    shop.pass_time(hours=1)
    shop.dispatch()
    query = select(MessageRow.subject).where(
        MessageRow.backorder_id == shop.ids["1042"], MessageRow.kind == "delay"
    )
    with reading(shop.services.engine) as session:
        assert "Bestellung" in str(session.exec(query).one())
    answer(visitor, link, "preferences", language="en")
    assert '<html lang="en-US"' in visitor.get(link).text


def test_a_language_is_chosen_for_all_orders_of_the_customer_that_are_not_over(
    shop: Shop, visitor: TestClient
) -> None:
    jane = {"email": "jane@orders.example", "locale": "en-US", "country": "US"}
    for number in ("this", "other", "done"):
        shop.register(
            number, customer=jane | {"email": jane["email"].title() if number == "other" else jane["email"]}
        )
    shop.register("german", customer=jane | {"locale": "de-AT"})
    shop.register("somebody else's", customer=jane | {"email": "john@orders.example"})
    shop.register("another shop's", "store_else", customer=jane)
    shop.ship("done")
    assert answer(visitor, shop.link("this"), "preferences", language="de").status_code == 303
    chosen = {number: locale(shop, number) for number in shop.ids if "10" not in number}
    assert chosen == {
        "this": "de",
        "other": "de",
        "done": "en-US",
        "german": "de-AT",
        "somebody else's": "en-US",
        "another shop's": "en-US",
    }
    assert [fact.data for fact in happened(shop, "other", "language_chosen")] == [{"locale": "de"}]
    assert happened(shop, "german", "language_chosen") == []
    page = visitor.get(shop.link("this")).text
    assert "other" not in page.replace("others", "")


def test_the_page_says_the_same_whether_there_are_other_orders(shop: Shop, visitor: TestClient) -> None:
    line = {"sku": "A", "name": "A vase", "quantity": 1, "eta": "2026-12-20"}
    pages = []
    for number in ("first", "second"):
        shop.register(number, customer={"email": "jane@orders.example", "country": "US"}, lines=[line])
        answer(visitor, shop.link(number), "preferences", language="de")
        page = visitor.get(f"{shop.link(number)}?done=preferences").text
        pages.append(re.sub(r"o/[^/\"?]+|nonce[^>]+|value=\"[^\"]{40,}\"|first|second", "", page))
    assert pages[0] == pages[1]


def test_the_page_is_offered_in_each_language_by_its_own_name(shop: Shop, visitor: TestClient) -> None:
    page = visitor.get(shop.link("1042")).text
    for name in ("Deutsch", "English", "Español", "Français", "Polski", "العربية"):
        assert f">{name}</option>" in page


def test_a_language_that_does_not_exist_changes_nothing(shop: Shop, visitor: TestClient) -> None:
    before = everything(shop)
    for made_up in ("tlh", "de-", "../../etc", "<b>", "DE"):
        sent = answer(visitor, shop.link("1042"), "preferences", language=made_up, reminders="off")
        assert sent.status_code == 422
        assert "choose one of the languages below" in sent.text
        assert "<b>”" not in sent.text
    assert everything(shop) == before


def test_saving_what_is_so_already_is_no_fact(shop: Shop, visitor: TestClient) -> None:
    korean = {"email": "hana@example.kr", "locale": "ko-KR", "country": "KR"}
    shop.register("2001", customer=korean)
    before = everything(shop)
    assert answer(visitor, shop.link("2001"), "preferences", language="en", reminders="on").status_code == 303
    assert answer(visitor, shop.link("2001"), "preferences").status_code == 303
    assert everything(shop) == before
    assert locale(shop, "2001") == "ko-KR"


def test_reminders_can_be_stopped_and_had_again(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1043")
    assert "A short reminder of the date" in visitor.get(link).text
    answer(visitor, link, "preferences", reminders="off")
    page = visitor.get(f"{link}?done=preferences").text
    assert "You get no more reminders for your orders." in page
    assert "A short reminder of the date" not in page
    answer(visitor, link, "preferences", reminders="on")
    assert "A short reminder of the date" in visitor.get(link).text


def test_one_click_unsubscribes_without_cookies_or_redirects(shop: Shop, visitor: TestClient) -> None:
    link = f"{shop.link('1043')}/unsubscribe"
    sent = visitor.post(
        link, data={"List-Unsubscribe": "One-Click"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert sent.status_code == 200
    assert "Set-Cookie" not in sent.headers
    assert '<option value="off" selected>' in visitor.get(shop.link("1043")).text
    before = everything(shop)
    again = visitor.post(link, files={"List-Unsubscribe": (None, "One-Click")})
    assert again.status_code == 200
    assert everything(shop) == before


def test_the_pages_own_form_unsubscribes_with_its_tick(shop: Shop, visitor: TestClient) -> None:
    link = f"{shop.link('1043')}/unsubscribe"
    [(_, _, data)] = scanned(visitor.get(link))
    before = everything(shop)
    assert visitor.post(link, data={}).status_code == 403
    assert visitor.post(link, data={"yes": "yes"}).status_code == 403
    assert visitor.post(link, data={"List-Unsubscribe": "Two-Clicks"}).status_code == 422
    crossed = {"Sec-Fetch-Site": "cross-site"}
    assert visitor.post(link, data=data | {"yes": "yes"}, headers=crossed).status_code == 403
    assert visitor.post(link, data=data).status_code == 422
    assert everything(shop) == before
    assert "No more reminders" in visitor.post(link, data=data | {"yes": "yes"}).text
    assert '<option value="off" selected>' in visitor.get(shop.link("1043")).text
