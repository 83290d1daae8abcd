"""The customer's page: it tells the truth, and only its own form changes anything."""

import html
import re
from collections.abc import Callable

import icalendar
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import text
from sqlmodel import SQLModel

from notifier.db.engine import reading
from tests.pages.shop import LAMP, SIDEBOARD, Shop, an_order


def everything(shop: Shop) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with reading(shop.services.engine) as session:
        return {
            name: sorted((tuple(row) for row in session.execute(text(f"SELECT * FROM {name}"))), key=repr)
            for name in SQLModel.metadata.tables
        }


def field(page: Response, action: str) -> str:
    """The hidden field of the form whose button says `action`."""
    forms = re.findall(r"<form.*?</form>", page.text, re.DOTALL)
    form = next(form for form in forms if f'value="{action}"' in form)
    found = re.search(r'name="form" value="([^"]+)"', form)
    assert found
    return html.unescape(found[1])


def answer(visitor: TestClient, link: str, action: str, **data: object) -> Response:
    """Open the page with the form for an answer, and send it."""
    page = visitor.get(link, params={"do": action} if action in {"keep", "cancel"} else {})
    return visitor.post(link, data={"action": action, "form": field(page, action)} | data)


def test_the_page_tells_what_was_promised_what_is_expected_and_what_shipped(
    shop: Shop, visitor: TestClient
) -> None:
    page = visitor.get(shop.link("1046"))
    assert page.status_code == 200
    for words in (
        "Friday, February 12, 2027",
        "Promised at checkout: Friday, December 4, 2026",
        "the kiln cracked",
    ):
        assert words in page.text
    partly = visitor.get(shop.link("1043")).text
    for words in ("1Z999AA10123456784", "No date yet", "Friday, January 8, 2027 – Friday, January 15, 2027"):
        assert words in partly


@pytest.mark.parametrize(
    ("order_id", "lang", "words"),
    [("1044", "de-DE", "Samstag, 19. Dezember 2026"), ("1045", "ar-AE", "السبت، 12 ديسمبر 2026")],
)
def test_the_page_speaks_the_customers_language(
    shop: Shop, visitor: TestClient, order_id: str, lang: str, words: str
) -> None:
    page = visitor.get(shop.link(order_id)).text
    assert f'<html lang="{lang}"' in page
    assert words in page
    assert ('dir="rtl"' in page) == (lang == "ar-AE")


def test_looking_changes_nothing(shop: Shop, visitor: TestClient) -> None:
    before = everything(shop)
    for order_id in shop.ids:
        link = shop.link(order_id)
        for address in (
            link,
            f"{link}?do=keep",
            f"{link}?do=cancel",
            f"{link}?done=cancel",
            f"{link}/unsubscribe",
        ):
            assert visitor.get(address).status_code == 200
        visitor.get(f"{link}/calendar.ics")
        visitor.head(link)
    assert everything(shop) == before


def test_no_page_may_be_kept_framed_indexed_or_run_scripts(shop: Shop, visitor: TestClient) -> None:
    for address in (shop.link("1042"), "/o/wrong", "/console/login"):
        headers = visitor.get(address).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Robots-Tag"] == "noindex"
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    "change", [lambda link: link[:-1], lambda link: link + "x", lambda link: "/o/nonsense"]
)
def test_a_wrong_link_opens_nothing(shop: Shop, visitor: TestClient, change: Callable[[str], str]) -> None:
    link = change(shop.link("1042"))
    for page in (visitor.get(link), visitor.post(link, data={"action": "keep", "form": "x"})):
        assert page.status_code == 404
        assert "copy the whole of it" in page.text


def test_keeping_on_waiting_is_noted_and_thanked_for(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1046")
    sent = answer(visitor, link, "keep")
    assert (sent.status_code, sent.headers["Location"]) == (303, f"{link}?done=keep")
    page = visitor.get(sent.headers["Location"]).text
    assert "Thank you" in page
    assert "You chose to keep waiting on Tuesday, December 1, 2026." in page
    assert "Do you want to keep waiting?" not in page


def test_a_new_date_asks_again(shop: Shop, visitor: TestClient) -> None:
    answer(visitor, shop.link("1046"), "keep")
    shop.pass_time(days=1)
    shop.move_date("1046", "ORN-RED", "2027-03-01")
    shop.pass_time(hours=1)
    shop.dispatch()
    assert "Do you want to keep waiting?" in visitor.get(shop.link("1046")).text


def test_cancelling_takes_the_chosen_items_off(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1043")
    assert answer(visitor, link, "cancel", sku=["LAMP-OPAL"]).status_code == 303
    page = visitor.get(link).text
    assert "Cancelled on" in page
    assert "Expected to ship" in page
    still = re.findall(r'name="sku" value="([^"]+)"', visitor.get(f"{link}?do=cancel").text)
    assert still == ["ORN-RED", "SIDE/WALNUT 160"]


def test_cancelling_everything_ends_the_order(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1042")
    sent = answer(visitor, link, "cancel", sku=["ORN-RED"])
    page = visitor.get(sent.headers["Location"]).text
    assert "This order is cancelled." in page
    assert "An email confirms it." in page
    assert "Cancel items" not in page


def test_cancelling_nothing_is_said_to_be_nothing(shop: Shop, visitor: TestClient) -> None:
    before = everything(shop)
    sent = answer(visitor, shop.link("1043"), "cancel")
    assert sent.status_code == 422
    assert "Choose at least one item." in sent.text
    assert everything(shop) == before


def test_an_answer_to_what_has_changed_meanwhile_is_not_taken(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1046")
    form = field(visitor.get(link), "keep")
    shop.move_date("1046", "ORN-RED", "2027-06-01")
    before = everything(shop)
    late = visitor.post(link, data={"action": "keep", "form": form})
    assert late.status_code == 409
    assert "Something changed while this page was open" in late.text
    assert "Tuesday, June 1, 2027" in late.text
    assert everything(shop) == before


def test_only_the_pages_own_form_answers(shop: Shop, visitor: TestClient) -> None:
    link, other = shop.link("1046"), shop.link("1043")
    form = field(visitor.get(link), "keep")
    foreign = field(visitor.get(other, params={"do": "keep"}), "keep")
    before = everything(shop)
    for data, headers, status in [
        ({"action": "keep"}, {}, 422),
        ({"action": "keep", "form": "made-up"}, {}, 403),
        ({"action": "keep", "form": foreign}, {}, 403),
        ({"action": "cancel", "form": form, "sku": "ORN-RED"}, {}, 403),
        ({"action": "keep", "form": form}, {"Sec-Fetch-Site": "cross-site"}, 403),
        ({"action": "keep", "form": form}, {"Origin": "https://evil.example"}, 403),
        ({"action": "buy", "form": form}, {}, 422),
    ]:
        sent = visitor.post(link, data=data, headers=headers)
        assert (data, sent.status_code) == (data, status)
        assert sent.headers["Content-Type"].startswith("text/html")
    assert everything(shop) == before


def test_thanks_can_not_be_made_up_in_an_address(shop: Shop, visitor: TestClient) -> None:
    assert "cancellation is noted" not in visitor.get(f"{shop.link('1042')}?done=cancel").text


def test_items_that_the_law_has_ended_are_not_offered_any_more(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1046")
    form = field(visitor.get(link), "keep")
    shop.pass_time(days=60)
    page = visitor.get(link).text
    assert "These items did not ship in time, so they are cancelled:" in page
    assert "Keep waiting" not in page
    assert visitor.post(link, data={"action": "keep", "form": form}).status_code == 409


def test_a_day_that_has_passed_is_owned_up_to(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1044")
    assert "Dieser Tag ist vorbei" not in visitor.get(link).text
    shop.pass_time(days=19)
    assert "Dieser Tag ist vorbei" in visitor.get(link).text


def test_reminders_can_be_stopped_and_had_again(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1043")
    answer(visitor, link, "reminders_off")
    page = visitor.get(link)
    assert "You get no reminders for your orders" in page.text
    assert "A short reminder of the date" not in page.text
    answer(visitor, link, "reminders_on")
    assert "A short reminder of the date" in visitor.get(link).text


def test_one_click_unsubscribes_without_cookies_or_redirects(shop: Shop, visitor: TestClient) -> None:
    link = f"{shop.link('1043')}/unsubscribe"
    sent = visitor.post(
        link, data={"List-Unsubscribe": "One-Click"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert sent.status_code == 200
    assert "Set-Cookie" not in sent.headers
    assert "You get no reminders for your orders" in visitor.get(shop.link("1043")).text
    again = visitor.post(link, files={"List-Unsubscribe": (None, "One-Click")})
    assert again.status_code == 200


def test_unsubscribing_needs_its_word(shop: Shop, visitor: TestClient) -> None:
    before = everything(shop)
    assert visitor.post(f"{shop.link('1043')}/unsubscribe", data={}).status_code == 422
    assert everything(shop) == before


def test_what_shops_and_customers_write_is_shown_as_text(shop: Shop, visitor: TestClient) -> None:
    nasty = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    line = an_order("x")["lines"][0]
    customer = {"email": "x@example.com", "name": nasty}
    shop.register(
        nasty, customer=customer, lines=[line | {"name": nasty, "sku": nasty, "reason": nasty, "eta": None}]
    )
    for address in (shop.link(nasty), f"{shop.link(nasty)}?do=cancel", f"{shop.link(nasty)}?do={nasty}"):
        page = visitor.get(address).text
        assert "<script" not in page
        assert "<img src=x" not in page


# --- the calendar ----------------------------------------------------------------------------------------


def events(shop: Shop, visitor: TestClient, order_id: str) -> list[dict[str, str]]:
    answer = visitor.get(f"{shop.link(order_id)}/calendar.ics")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    calendar = icalendar.Calendar.from_ical(answer.content)
    return [
        {
            "uid": str(event["uid"]),
            "sequence": str(event["sequence"]),
            "from": event.decoded("dtstart").isoformat(),
            "until": event.decoded("dtend").isoformat(),
            "status": str(event["status"]),
            "summary": str(event["summary"]),
        }
        for event in calendar.walk("VEVENT")
    ]


def test_the_calendar_has_whole_days_and_ends_after_the_last(shop: Shop, visitor: TestClient) -> None:
    shop.register("2000", lines=[SIDEBOARD, LAMP])
    [event] = events(shop, visitor, "2000")
    assert (event["from"], event["until"]) == ("2027-01-08", "2027-01-16")
    assert event["summary"] == "Expected to ship: Walnut sideboard, 160 cm, oiled finish (Fern & Oak)"


def test_a_moved_date_moves_the_same_event(shop: Shop, visitor: TestClient) -> None:
    [before] = events(shop, visitor, "1042")
    shop.move_date("1042", "ORN-RED", "2027-01-05")
    [after] = events(shop, visitor, "1042")
    assert after["uid"] == before["uid"]
    assert int(after["sequence"]) > int(before["sequence"])
    assert after["from"] == "2027-01-05"


def test_a_cancelled_line_takes_its_event_off(shop: Shop, visitor: TestClient) -> None:
    shop.cancel("1042")
    assert [event["status"] for event in events(shop, visitor, "1042")] == ["CANCELLED"]


def test_an_order_without_any_date_has_no_calendar(shop: Shop, visitor: TestClient) -> None:
    shop.register("2001", lines=[LAMP])
    assert visitor.get(f"{shop.link('2001')}/calendar.ics").status_code == 404
    assert "calendar.ics" not in visitor.get(shop.link("2001")).text
