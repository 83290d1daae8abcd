"""The customer's answers: only from the page's own form, only with its box ticked, and each once."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlmodel import select

from notifier.db.engine import reading
from notifier.db.tables import MessageRow
from tests.pages.happenings import (
    happened,
    open_units,
)
from tests.pages.shop import API_KEY, Shop
from tests.pages.test_order_page import answer, everything, field, opened

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
