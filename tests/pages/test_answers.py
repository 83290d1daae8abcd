"""The customer's answers: only from the page's own form, only with its box ticked, and each once."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlmodel import col, select

from notifier.db.engine import reading
from notifier.db.tables import Backorder, BackorderLine, Fact, MessageRow, Store
from tests.pages.shop import API_KEY, Shop, an_order, open_shop
from tests.pages.test_order_page import answer, everything, field, opened


def happened(shop: Shop, order_id: str, *kinds: str) -> list[Fact]:
    query = select(Fact).where(Fact.backorder_id == shop.ids[order_id]).order_by(Fact.id)
    with reading(shop.services.engine) as session:
        return [fact for fact in session.exec(query) if fact.kind in kinds]


def open_units(shop: Shop, order_id: str) -> dict[str, int]:
    query = select(BackorderLine.sku, BackorderLine.waiting).where(
        BackorderLine.backorder_id == shop.ids[order_id]
    )
    with reading(shop.services.engine) as session:
        return dict(session.exec(query).all())


def locale(shop: Shop, order_id: str) -> str:
    with reading(shop.services.engine) as session:
        return session.get_one(Backorder, shop.ids[order_id]).locale


# --- keep waiting -----------------------------------------------------------------------------------------


def test_keeping_on_waiting_is_noted_and_thanked_for(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1046")
    sent = answer(visitor, link, "keep")
    assert (sent.status_code, sent.headers["Location"]) == (303, f"{link}?done=keep")
    page = visitor.get(sent.headers["Location"]).text
    assert "Thank you" in page
    assert "Your answer reached us on Tuesday, December 1, 2026, 10:00" in page
    assert "Do you want to keep waiting?" not in page
    [fact] = happened(shop, "1046", "answered")
    assert (fact.data["choice"], fact.data["means"]) == ("keep", "page")


def test_a_reload_of_the_thanks_answers_nothing(shop: Shop, visitor: TestClient) -> None:
    sent = answer(visitor, shop.link("1046"), "keep")
    before = everything(shop)
    for _ in range(3):
        assert "Thank you" in visitor.get(sent.headers["Location"]).text
    assert everything(shop) == before


def test_a_new_date_asks_again(shop: Shop, visitor: TestClient) -> None:
    answer(visitor, shop.link("1046"), "keep")
    shop.pass_time(days=1)
    shop.move_date("1046", "ORN-RED", "2027-03-01")
    shop.pass_time(hours=1)
    shop.dispatch()
    assert "Do you want to keep waiting?" in visitor.get(shop.link("1046")).text


def test_the_same_answer_twice_is_one(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1046")
    data = {"action": "keep", "form": field(opened(visitor, link, "keep"), "keep"), "yes": "yes"}
    sent = [visitor.post(link, data=data) for _ in range(3)]
    assert [(it.status_code, it.headers["Location"]) for it in sent] == [(303, f"{link}?done=keep")] * 3
    assert len(happened(shop, "1046", "answered")) == 1


def test_an_answer_to_dates_that_moved_meanwhile_is_not_taken(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1046")
    form = field(opened(visitor, link, "keep"), "keep")
    shop.move_date("1046", "ORN-RED", "2027-06-01")
    before = everything(shop)
    late = visitor.post(link, data={"action": "keep", "form": form, "yes": "yes"})
    assert late.status_code == 409
    assert "Something changed while this page was open" in late.text
    assert "Tuesday, June 1, 2027" in late.text
    assert everything(shop) == before


def test_a_yes_after_its_limit_consents_to_nothing(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1046")
    form = field(opened(visitor, link, "keep"), "keep")
    shop.pass_time(days=60)
    before = everything(shop)
    late = visitor.post(link, data={"action": "keep", "form": form, "yes": "yes"})
    assert late.status_code == 409
    assert "There is nothing left to answer" in late.text
    assert "These items did not ship in time, so they are cancelled:" in late.text
    assert everything(shop) == before


# --- cancel -----------------------------------------------------------------------------------------------


def test_cancelling_takes_the_chosen_items_off(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1043")
    assert answer(visitor, link, "cancel", sku=["LAMP-OPAL"]).status_code == 303
    page = visitor.get(link).text
    assert "Cancelled on" in page
    assert "Expected to ship" in page
    still = re.findall(r'name="sku" value="([^"]+)"', visitor.get(f"{link}?do=cancel").text)
    assert still == ["ORN-RED", "SIDE/WALNUT 160"]


def test_a_part_of_a_line_is_cancelled_and_the_rest_still_comes(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1042")
    review = opened(visitor, link, "cancel", sku=["ORN-RED"], units=["2"]).text
    assert "Red glass ornament</bdi></b> × 2" in review
    assert "$19.00" in review
    sent = answer(visitor, link, "cancel", sku=["ORN-RED"], units=["2"])
    page = visitor.get(sent.headers["Location"]).text
    assert "Cancelled: 2 × Red glass ornament." in page
    assert "It reached us on Tuesday, December 1, 2026, 10:00" in page
    assert "Your money is sent back by Thursday, December 10, 2026" in page
    assert open_units(shop, "1042") == {"ORN-RED": 1}
    assert happened(shop, "1042", "answered") == []  # they said nothing of the third
    assert "Still to come: 1 of 3" in page


def test_several_lines_are_cancelled_with_their_numbers(shop: Shop, visitor: TestClient) -> None:
    chosen = {"sku": ["ORN-RED", "SIDE/WALNUT 160", "LAMP-OPAL"], "units": ["0", "1", "1"]}
    assert answer(visitor, shop.link("1043"), "cancel", **chosen).status_code == 303
    assert open_units(shop, "1043") == {"ORN-RED": 1, "SIDE/WALNUT 160": 0, "LAMP-OPAL": 0}
    [gone] = happened(shop, "1043", "cancelled")
    assert sorted(gone.data["units"].values()) == [1, 1]
    assert gone.data["by"] == "customer"


def test_cancelling_everything_ends_the_order(shop: Shop, visitor: TestClient) -> None:
    sent = answer(visitor, shop.link("1042"), "cancel", sku=["ORN-RED"], units=["3"])
    page = visitor.get(sent.headers["Location"]).text
    assert "This order is cancelled." in page
    assert "An email confirms it." in page
    assert "Cancel items" not in page


def test_choosing_is_seen_once_more_before_it_counts(shop: Shop, visitor: TestClient) -> None:
    before = everything(shop)
    page = opened(visitor, shop.link("1042"), "cancel").text
    assert 'method="get"' in page
    assert "you see it once more first" in page
    [options] = re.findall(r'<select id="units-1".*?</select>', page, re.DOTALL)
    assert re.findall(r'value="(\d)"', options) == ["0", "1", "2", "3"]
    assert "Yes, cancel them" in opened(visitor, shop.link("1042"), "cancel", sku="ORN-RED", units="1").text
    assert everything(shop) == before


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({}, "Choose at least one item."),
        ({"sku": ["ORN-RED"], "units": ["0"]}, "Choose at least one item."),
        ({"sku": ["ORN-RED"], "units": ["2"]}, "Red glass ornament: no more than 1 can be cancelled now"),
        ({"sku": ["ORN-RED", "ORN-RED"], "units": ["1", "1"]}, "no more than 1 can be cancelled now"),
        ({"sku": ["ORN-RED"], "units": ["99999999999999999999"]}, "please enter how many as a number"),
        ({"sku": ["ORN-RED"], "units": ["-1"]}, "please enter how many as a number"),
        ({"sku": ["ORN-RED"], "units": ["1.5"]}, "please enter how many as a number"),
        ({"sku": ["ORN-RED"], "units": ["٣"]}, "please enter how many as a number"),
        ({"sku": ["no such"], "units": ["1"]}, "no such can’t be cancelled any more"),
    ],
)
def test_a_choice_that_can_not_be_is_explained_and_cancels_nothing(
    shop: Shop, visitor: TestClient, chosen: dict[str, Any], words: str
) -> None:
    link = shop.link("1043")
    form = field(opened(visitor, link, "cancel", sku="LAMP-OPAL"), "cancel")
    before = everything(shop)
    sent = visitor.post(link, data={"action": "cancel", "form": form, "yes": "yes"} | chosen)
    assert sent.status_code == 422
    assert words in sent.text
    assert everything(shop) == before
    if chosen:
        assert words in visitor.get(link, params={"do": "cancel"} | chosen).text


def test_a_line_that_is_cancelled_already_is_not_cancelled_again(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1043")
    stale = field(opened(visitor, link, "cancel", sku="LAMP-OPAL"), "cancel")
    shop.cancel("1043", lines=[{"sku": "LAMP-OPAL"}])
    fresh = field(opened(visitor, link, "cancel", sku="ORN-RED"), "cancel")
    before = everything(shop)
    data = {"action": "cancel", "yes": "yes", "sku": "LAMP-OPAL", "units": "1"}
    assert visitor.post(link, data=data | {"form": stale}).status_code == 409
    late = visitor.post(link, data=data | {"form": fresh})
    assert late.status_code == 422
    assert "Opal reading lamp can’t be cancelled any more" in late.text
    assert everything(shop) == before


def test_a_date_that_moves_meanwhile_keeps_nobody_from_cancelling(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1046")
    form = field(opened(visitor, link, "cancel", sku="ORN-RED"), "cancel")
    shop.move_date("1046", "ORN-RED", "2026-12-05")
    data = {"action": "cancel", "form": form, "yes": "yes", "sku": "ORN-RED", "units": "3"}
    assert visitor.post(link, data=data).status_code == 303
    assert open_units(shop, "1046") == {"ORN-RED": 0}


def test_a_yes_in_one_tab_and_a_cancellation_in_another_both_count_as_they_came(
    shop: Shop, visitor: TestClient
) -> None:
    link = shop.link("1046")
    keep = field(opened(visitor, link, "keep"), "keep")
    cancel = field(opened(visitor, link, "cancel", sku="ORN-RED"), "cancel")
    off = {"action": "cancel", "form": cancel, "yes": "yes", "sku": "ORN-RED", "units": "3"}
    assert visitor.post(link, data=off).status_code == 303
    late = visitor.post(link, data={"action": "keep", "form": keep, "yes": "yes"})
    assert late.status_code == 409
    assert [fact.data["choice"] for fact in happened(shop, "1046", "answered")] == ["cancel"]


def test_thanks_can_not_be_made_up_in_an_address(shop: Shop, visitor: TestClient) -> None:
    for done in ("cancel", "keep", "x"):
        page = visitor.get(f"{shop.link('1042')}?done={done}").text
        assert 'role="status"' not in page


def test_in_the_union_the_button_says_withdraw_and_the_email_when_it_came_in(
    shop: Shop, visitor: TestClient
) -> None:
    link = shop.link("1044")
    assert "Vertrag hier widerrufen" in visitor.get(link).text
    review = opened(visitor, link, "cancel", sku="ORN-RED", units="3").text
    assert "Widerruf bestätigen" in review
    assert "Vertrag hier widerrufen" not in opened(visitor, shop.link("1042"), "cancel").text
    answer(visitor, link, "cancel", sku="ORN-RED", units="3")
    shop.dispatch()
    query = select(MessageRow.id).where(
        MessageRow.backorder_id == shop.ids["1044"], MessageRow.kind == "cancelled"
    )
    with reading(shop.services.engine) as session:
        message_id = session.exec(query).one()
    told = visitor.get(f"/v1/messages/{message_id}", headers={"Authorization": f"Bearer {API_KEY}"}).json()
    assert told["status"] == "sent"
    for words in (told["html"], told["text"]):
        assert "1. Dezember 2026, 16:00 MEZ" in words
        assert "Red glass ornament" in words


# --- forms that are not ours, and scanners ----------------------------------------------------------------


def test_only_the_pages_own_form_answers(shop: Shop, visitor: TestClient) -> None:
    link, other = shop.link("1046"), shop.link("1043")
    form = field(opened(visitor, link, "keep"), "keep")
    foreign = field(opened(visitor, other, "keep"), "keep")
    before = everything(shop)
    for data, headers, status in [
        ({"action": "keep"}, {}, 422),
        ({"action": "keep", "form": "made-up"}, {}, 403),
        ({"action": "keep", "form": foreign}, {}, 403),
        ({"action": "cancel", "form": form, "sku": "ORN-RED"}, {}, 403),
        ({"action": "preferences", "form": form, "language": "de"}, {}, 403),
        ({"action": "keep", "form": form}, {"Sec-Fetch-Site": "cross-site"}, 403),
        ({"action": "keep", "form": form}, {"Sec-Fetch-Site": "same-site"}, 403),
        ({"action": "keep", "form": form}, {"Origin": "https://evil.example"}, 403),
        ({"action": "keep", "form": form}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"action": "buy", "form": form}, {}, 422),
    ]:
        sent = visitor.post(link, data={"yes": "yes"} | data, headers=headers)
        assert (data, sent.status_code) == (data, status)
        assert sent.headers["Content-Type"].startswith("text/html")
    assert everything(shop) == before


def test_the_form_of_another_stores_order_answers_nothing(shop: Shop, visitor: TestClient) -> None:
    shop.register("1046-b", "store_else")
    foreign = field(opened(visitor, shop.link("1046-b"), "keep"), "keep")
    before = everything(shop)
    sent = visitor.post(shop.link("1046"), data={"action": "keep", "form": foreign, "yes": "yes"})
    assert sent.status_code == 403
    assert everything(shop) == before


def scanned(page: Response) -> Iterator[tuple[str, str, dict[str, list[str]]]]:
    """Every form of a page as a robot would send it: the values that stand in it, and each of its buttons."""
    for form in re.findall(r"<form.*?</form>", page.text, re.DOTALL):
        [(method, action)] = re.findall(r'<form method="(\w+)" action="([^"#]+)', form)
        data: dict[str, list[str]] = {}
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form):
            data.setdefault(name, []).append(value)
        for select_ in re.findall(r"<select.*?</select>", form, re.DOTALL):
            [name] = re.findall(r'name="([^"]+)"', select_)
            data.setdefault(name, []).extend(re.findall(r'<option value="([^"]*)"[^>]* selected', select_))
        for name, value in re.findall(r'<button[^>]*name="([^"]+)" value="([^"]+)"', form):
            data[name] = [value]
        yield method, action, data


def test_a_scanner_that_follows_every_link_and_sends_every_form_changes_nothing(
    shop: Shop, visitor: TestClient
) -> None:
    """What it can't do is tick a box: no form has it ticked."""
    before = everything(shop)
    for order_id in shop.ids:
        pages = [f"{shop.link(order_id)}{more}" for more in ("", "?do=keep", "?do=cancel", "/unsubscribe")]
        seen: set[str] = set()
        while pages:
            address = pages.pop()
            if address in seen:
                continue
            seen.add(address)
            page = visitor.get(address)
            pages += re.findall(r'href="(/o/[^"#]+)', page.text.replace("&amp;", "&"))
            for method, action, data in scanned(page):
                if method == "get":
                    pages.append(str(visitor.build_request("GET", action, params=data).url.raw_path, "ascii"))
                else:
                    assert visitor.post(action, data=data).status_code in {303, 422}
    assert everything(shop) == before


def test_no_box_is_ticked_beforehand(shop: Shop, visitor: TestClient) -> None:
    for address in ("?do=keep", "?do=cancel&sku=ORN-RED", "/unsubscribe"):
        page = visitor.get(shop.link("1046") + address).text
        assert 'type="checkbox" name="yes" value="yes" required' in page
        assert "checked" not in page


def test_an_answer_without_its_tick_says_what_is_missing(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1046")
    before = everything(shop)
    for action, chosen in (("keep", {}), ("cancel", {"sku": "ORN-RED", "units": "2"})):
        form = field(opened(visitor, link, action, **chosen), action)
        sent = visitor.post(link, data={"action": action, "form": form} | chosen)
        assert sent.status_code == 422
        assert "please tick the box" in sent.text
        assert f'value="{action}"' in sent.text
    assert everything(shop) == before


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


# --- at once ----------------------------------------------------------------------------------------------


@pytest.fixture
def open_shop_on(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """A shop with one order of three ornaments, on each kind of database."""
    shop = open_shop(database_url, tmp_path)
    from notifier.db.stores import create_store

    with shop.writing() as session:
        create_store(
            session, shop.now, name="Fern & Oak", timezone="America/New_York", country="US",
            store_id="store_fern", api_key=API_KEY,
        )  # fmt: skip
    shop.register("1", lines=[an_order("1")["lines"][0]])
    shop.dispatch()
    shop.move_date("1", "ORN-RED", "2027-02-12", "the kiln cracked")
    shop.pass_time(hours=2)
    shop.dispatch()
    yield shop
    shop.services.engine.dispose()


def at_once(shop: Shop, answers: list[dict[str, Any]]) -> list[Response]:
    """Send these from as many tabs, each with a connection of its own, at one moment."""
    together = Barrier(len(answers))

    def send(data: dict[str, Any]) -> Response:
        with TestClient(shop.app, follow_redirects=False) as tab:
            together.wait()
            return tab.post(shop.link("1"), data=data)

    with ThreadPoolExecutor(len(answers)) as tabs:
        return list(tabs.map(send, answers))


def test_the_same_answer_from_many_tabs_at_once_is_one(open_shop_on: Shop) -> None:
    shop = open_shop_on
    with TestClient(shop.app, follow_redirects=False) as tab:
        form = field(opened(tab, shop.link("1"), "cancel", sku="ORN-RED", units="1"), "cancel")
    one = {"action": "cancel", "form": form, "yes": "yes", "sku": "ORN-RED", "units": "1"}
    assert {sent.status_code for sent in at_once(shop, [one] * 4)} == {303}
    assert open_units(shop, "1") == {"ORN-RED": 2}
    assert len(happened(shop, "1", "cancelled")) == 1


def test_of_different_answers_from_two_tabs_at_once_one_counts(open_shop_on: Shop) -> None:
    shop = open_shop_on
    with TestClient(shop.app, follow_redirects=False) as tab:
        keep = field(opened(tab, shop.link("1"), "keep"), "keep")
        form = field(opened(tab, shop.link("1"), "cancel", sku="ORN-RED", units="2"), "cancel")
    off = {"action": "cancel", "form": form, "yes": "yes", "sku": "ORN-RED"}
    sent = at_once(shop, [off | {"units": "2"}, off | {"units": "3"}])
    assert sorted(it.status_code for it in sent) == [303, 409]
    [gone] = happened(shop, "1", "cancelled")
    assert open_units(shop, "1")["ORN-RED"] == 3 - sum(gone.data["units"].values())
    late = at_once(shop, [{"action": "keep", "form": keep, "yes": "yes"}])
    assert [it.status_code for it in late] == [409]


def test_a_shipment_and_a_cancellation_at_once_never_make_more_than_there_was(open_shop_on: Shop) -> None:
    shop = open_shop_on
    with TestClient(shop.app, follow_redirects=False) as tab:
        form = field(opened(tab, shop.link("1"), "cancel", sku="ORN-RED", units="3"), "cancel")
    off = {"action": "cancel", "form": form, "yes": "yes", "sku": "ORN-RED", "units": "3"}
    path = f"/v1/backorders/{shop.ids['1']}/shipments"
    parcel = {"lines": [{"sku": "ORN-RED", "quantity": 2}], "carrier": "UPS", "tracking_number": "1Z"}
    together = Barrier(2)

    def ship() -> int:
        with TestClient(shop.app) as store:
            together.wait()
            return store.post(path, json=parcel, headers={"Authorization": f"Bearer {API_KEY}"}).status_code

    def cancel() -> int:
        with TestClient(shop.app, follow_redirects=False) as tab:
            together.wait()
            return tab.post(shop.link("1"), data=off).status_code

    with ThreadPoolExecutor(2) as both:
        statuses = (both.submit(ship), both.submit(cancel))
        assert (statuses[0].result(), statuses[1].result()) in {(201, 409), (409, 303)}
    assert open_units(shop, "1")["ORN-RED"] in {0, 1}


# --- a last day (EU), and consent to more (US) ------------------------------------------------------------


def late_in_the_union(shop: Shop) -> str:
    """An order of which one line's promised day has passed."""
    shop.pass_time(days=13)
    return shop.link("1044")


def test_a_consumer_gives_a_late_shop_a_last_day(shop: Shop, visitor: TestClient) -> None:
    assert "Dem Shop eine letzte Frist setzen" not in visitor.get(shop.link("1044")).text
    link = late_in_the_union(shop)
    assert "Dem Shop eine letzte Frist setzen" in visitor.get(link).text
    page = opened(visitor, link, "keep", do="extra")
    assert 'value="2026-12-28"' in page.text  # a fortnight ahead
    data = {"action": "extra", "form": field(page, "extra"), "yes": "yes", "until": "2026-12-24"}
    sent = visitor.post(link, data=data)
    assert (sent.status_code, sent.headers["Location"]) == (303, f"{link}?done=extra")
    told = visitor.get(sent.headers["Location"]).text
    assert "Ihre Frist ist vermerkt: Donnerstag, 24. Dezember 2026." in told
    assert "Sie haben uns eine letzte Frist gesetzt: Donnerstag, 24. Dezember 2026." in told
    [fact] = happened(shop, "1044", "answered")
    assert (fact.data["choice"], fact.data["extra_until"]) == ("keep", "2026-12-24")
    assert len(fact.data["lines"]) == 1  # what is not late is not spoken of
    visitor.post(link, data=data)
    assert len(happened(shop, "1044", "answered")) == 1
    shop.pass_time(days=11)
    assert "Auch die letzte Frist ist verstrichen." in visitor.get(link).text


@pytest.mark.parametrize(
    "until", ["", "tomorrow", "2026-12-14", "2020-01-01", "2027-12-15", "2026-02-30", "9" * 20]
)
def test_a_last_day_that_can_not_be_is_explained(shop: Shop, visitor: TestClient, until: str) -> None:
    link = late_in_the_union(shop)
    form = field(opened(visitor, link, "keep", do="extra"), "extra")
    before = everything(shop)
    sent = visitor.post(link, data={"action": "extra", "form": form, "yes": "yes", "until": until})
    assert sent.status_code == 422
    assert "Dienstag, 15. Dezember 2026 bis zum Dienstag, 14. Dezember 2027" in sent.text
    assert everything(shop) == before


def test_a_last_day_needs_its_tick_and_a_line_that_is_late(shop: Shop, visitor: TestClient) -> None:
    assert 'value="extra"' not in visitor.get(shop.link("1042"), params={"do": "extra"}).text
    link = late_in_the_union(shop)
    form = field(opened(visitor, link, "keep", do="extra"), "extra")
    before = everything(shop)
    data = {"action": "extra", "form": form, "until": "2026-12-24"}
    assert visitor.post(link, data=data).status_code == 422
    assert visitor.post(link, data=data | {"action": "keep", "yes": "yes"}).status_code == 403
    assert everything(shop) == before


def test_consent_to_more_delay_is_asked_only_where_the_notice_asked(shop: Shop, visitor: TestClient) -> None:
    assert 'name="further"' not in opened(visitor, shop.link("1046"), "keep").text
    with shop.writing() as session:
        session.get_one(Store, "store_fern").policy = {"ask_further": True}
    line = {"sku": "A", "name": "A vase", "quantity": 1, "eta": "2026-12-04", "promised": "2026-12-04"}
    shop.register("further", lines=[line])
    shop.dispatch()
    shop.move_date("further", "A", "2027-02-12", "the kiln cracked")
    shop.pass_time(hours=1)
    shop.dispatch()
    link, email = shop.link("further"), told(shop, visitor, "further", "consent")
    assert "agree in advance to any further delay after Friday, February 12, 2027" in " ".join(email.split())
    page = opened(visitor, link, "keep")
    assert 'name="further" value="yes">' in page.text
    data = {"action": "keep", "form": field(page, "keep"), "yes": "yes", "further": "yes"}
    assert visitor.post(link, data=data).status_code == 303
    [fact] = happened(shop, "further", "answered")
    assert fact.data["further"] is True
    assert "You agreed to wait, even if it takes longer." in visitor.get(link).text
    assert law_state(shop, "further") == "indefinite"
    # The date slips once more: that is told, and nothing is asked or lapses any more.
    shop.move_date("further", "A", "2027-06-01", "and again")
    shop.pass_time(hours=1)
    shop.dispatch()
    assert "Unless you agree" not in told(shop, visitor, "further", "delay")
    shop.pass_time(days=120)
    shop.dispatch()
    assert law_state(shop, "further") == "indefinite"
    evidence = visitor.get(
        f"/v1/backorders/{shop.ids['further']}/evidence", headers={"Authorization": f"Bearer {API_KEY}"}
    ).json()
    [given] = evidence["answers"]
    assert given["further"] is True
    assert given["asked"]["says"][0]["further"] is True


def test_consent_to_the_date_alone_is_not_consent_to_more(shop: Shop, visitor: TestClient) -> None:
    with shop.writing() as session:
        session.get_one(Store, "store_fern").policy = {"ask_further": True}
    shop.move_date("1046", "ORN-RED", "2027-02-19", "the kiln cracked")
    shop.pass_time(hours=1)
    shop.dispatch()
    answer(visitor, shop.link("1046"), "keep")
    assert law_state(shop, "1046") == "consented"


def told(shop: Shop, visitor: TestClient, order_id: str, kind: str) -> str:
    """The text of the order's only email of that kind, as it was sent."""
    query = select(MessageRow.id).where(
        MessageRow.backorder_id == shop.ids[order_id],
        MessageRow.kind == kind,
        col(MessageRow.status).in_(("sent", "delivered")),
    )
    with reading(shop.services.engine) as session:
        message_id = session.exec(query).one()
    headers = {"Authorization": f"Bearer {API_KEY}"}
    return str(visitor.get(f"/v1/messages/{message_id}", headers=headers).json()["text"])


def law_state(shop: Shop, order_id: str) -> str:
    query = select(BackorderLine.law_state).where(BackorderLine.backorder_id == shop.ids[order_id])
    with reading(shop.services.engine) as session:
        return session.exec(query).one()
