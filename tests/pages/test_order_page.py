"""The customer's page: it tells the truth, and only its own form changes anything."""

import html
import re
from datetime import timedelta
from typing import Any

import icalendar
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import text
from sqlmodel import SQLModel

from notifier.db.engine import reading
from notifier.db.tables import Backorder
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
    forms = re.findall(r'<form method="post".*?</form>', page.text, re.DOTALL)
    form = next(form for form in forms if f'value="{action}"' in form)
    found = re.search(r'name="form" value="([^"]+)"', form)
    assert found
    return html.unescape(found[1])


def opened(visitor: TestClient, link: str, action: str, **chosen: Any) -> Response:
    """The page with the form for an answer; `sku` and `units` choose what to cancel."""
    asked: dict[str, Any] = {"do": action} if action in {"keep", "cancel"} else {}
    return visitor.get(link, params=asked | chosen)


def answer(visitor: TestClient, link: str, action: str, **data: Any) -> Response:
    """Open the page with the form for an answer, and send it with the box ticked."""
    chosen = {name: value for name, value in data.items() if name in {"sku", "units"}}
    page = opened(visitor, link, action, **chosen)
    return visitor.post(link, data={"action": action, "form": field(page, action), "yes": "yes"} | data)


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


def test_the_story_has_each_change_with_its_reason(shop: Shop, visitor: TestClient) -> None:
    shop.move_date("1046", "ORN-RED", "2027-02-20", "a typing error")
    shop.pass_time(minutes=5)
    shop.move_date("1046", "ORN-RED", "2027-02-28", "the new kiln is late")
    shop.ship("1046", lines=[{"sku": "ORN-RED", "quantity": 1}])
    page = visitor.get(shop.link("1046")).text
    [story] = re.findall(r'<ol class="time">.*?</ol>', page, re.DOTALL)
    told = [
        "You placed your order.",
        "Promised to ship on Friday, December 4, 2026: Red glass ornament.",
        "New date: Friday, February 12, 2027, instead of Friday, December 4, 2026.",
        "Reason: the kiln cracked.",
        "New date: Sunday, February 28, 2027, instead of Friday, February 12, 2027.",
        "Reason: the new kiln is late.",
        "Shipped with UPS: Red glass ornament.",
        "Today, Tuesday, December 1, 2026",
        "Expected to ship: Red glass ornament",
    ]
    places = [story.index(words) for words in told]
    assert places == sorted(places)
    assert "typing error" not in story


def ahead(page: Response) -> list[str]:
    """What comes next, each with its day."""
    items = re.findall(r'<li class="ahead">(.*?)</li>', page.text, re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", item)).split()) for item in items]


LAST_DAY = {
    "en-US": "Sunday, January 3, 2027 The last day to tell us that you want to keep waiting: Red glass ornament "
    "Without an answer, items that have not shipped by then are cancelled and refunded in full.",
    "de": "Sonntag, 3. Januar 2027 Der letzte Tag, um uns zu sagen, dass Sie weiter warten möchten: Red glass ornament",
    "fr": "dimanche 3 janvier 2027 Dernier jour pour nous dire que vous souhaitez continuer à attendre",
    "es": "domingo, 3 de enero de 2027 Último día para decirnos que quieres seguir esperando",
    "pl": "niedziela, 3 stycznia 2027 Ostatni dzień, aby nam powiedzieć, że chcesz czekać dalej",
    "ar": "الأحد، 3 يناير 2027 آخر يوم لإخبارنا بأنك تريد مواصلة الانتظار",
    "ja": "2027年1月3日日曜日 引き続きお待ちいただける旨をお知らせいただく最終日",
}


@pytest.mark.parametrize("lang", LAST_DAY)
def test_what_comes_next_has_the_last_day_to_answer_in_each_language(
    shop: Shop, visitor: TestClient, lang: str
) -> None:
    with shop.writing() as session:
        session.get_one(Backorder, shop.ids["1046"]).locale = lang
    coming = ahead(visitor.get(shop.link("1046")))
    # Promised for December 4, and thirty days later silence is no consent: before February 12, which is expected.
    assert [item.startswith(LAST_DAY[lang]) for item in coming[-2:]] == [True, False]
    answer(visitor, shop.link("1046"), "keep")
    assert not any(item.startswith(LAST_DAY[lang]) for item in ahead(visitor.get(shop.link("1046"))))


def test_where_silence_is_consent_there_is_no_last_day_to_answer(shop: Shop, visitor: TestClient) -> None:
    shop.pass_time(hours=1)
    shop.dispatch()
    page = visitor.get(shop.link("1042"))
    assert "Do you want to keep waiting?" in page.text, "they were told of a new date, six days later"
    assert not any("last day" in item for item in ahead(page))


def test_each_line_has_the_last_day_that_is_its_own(shop: Shop, visitor: TestClient) -> None:
    first, second = (
        {"sku": f"S{n}", "name": f"Lamp {n}", "quantity": 1, "eta": f"2026-12-1{n}"} for n in (2, 4)
    )
    shop.register("2001", lines=[first, second])
    shop.dispatch()
    shop.pass_time(hours=1)
    shop.move_date("2001", "S2", None, "the glass broke")
    shop.move_date("2001", "S4", None, "the glass broke")
    shop.pass_time(hours=1)
    shop.dispatch()
    coming = [item for item in ahead(visitor.get(shop.link("2001"))) if "The last day" in item]
    assert [(item.split(" The ")[0], item.split("waiting: ")[1][:6]) for item in coming] == [
        ("Monday, January 11, 2027", "Lamp 2"),
        ("Wednesday, January 13, 2027", "Lamp 4"),
    ]


def test_a_yes_that_came_before_the_notice_is_asked_for_again(shop: Shop, visitor: TestClient) -> None:
    """The law's question came after it, so by the law it is not answered: silence would end the order."""
    shop.register("2001", lines=[an_order("2001")["lines"][0] | {"eta": "2026-12-08"}])
    shop.dispatch()
    shop.pass_time(hours=1)
    shop.move_date("2001", "ORN-RED", "2026-12-20")
    shop.pass_time(hours=1)
    shop.dispatch()
    shop.move_date("2001", "ORN-RED", "2027-02-20")
    link = shop.link("2001")
    assert answer(visitor, link, "keep").status_code == 303
    shop.pass_time(hours=1)
    shop.dispatch()
    page = visitor.get(link)
    assert "Do you want to keep waiting?" in page.text
    assert any(item.startswith("Sunday, December 20, 2026 The last day") for item in ahead(page))
    answer(visitor, link, "keep")
    page = visitor.get(link)
    assert "Do you want to keep waiting?" not in page.text
    assert not any("The last day" in item for item in ahead(page))


def test_the_days_left_are_the_customers(shop: Shop, visitor: TestClient) -> None:
    jane = {"email": "jane@example.com", "timezone": "America/New_York", "country": "CA"}
    shop.register("2001", customer=jane, lines=[an_order("2001")["lines"][0] | {"eta": "2026-12-18"}])
    link = shop.link("2001")
    assert re.search(r'role="timer" data-over="2026-12-19T05:00:00\+00:00">17 days<', visitor.get(link).text)
    shop.pass_time(hours=13)  # 4 in the morning in London, 11 in the evening in New York
    assert ">17 days<" in visitor.get(link).text
    shop.pass_time(hours=2)
    assert ">16 days<" in visitor.get(link).text
    shop.pass_time(days=16)
    assert "That is today." in visitor.get(link).text
    shop.pass_time(days=1)
    page = visitor.get(link).text
    assert "This day has passed" in page
    assert 'role="timer"' not in page


def test_looking_changes_nothing(shop: Shop, visitor: TestClient) -> None:
    before = everything(shop)
    for order_id in shop.ids:
        link = shop.link(order_id)
        for address in (
            link,
            f"{link}?do=keep",
            f"{link}?do=cancel",
            f"{link}?do=cancel&sku=ORN-RED&units=1",
            f"{link}?do=cancel&sku=nothing&units=-1&units=x",
            f"{link}?done=cancel",
            f"{link}/unsubscribe",
        ):
            for hints in ({}, {"Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}):
                assert visitor.get(address, headers=hints).status_code == 200
            looked = visitor.head(address)
            assert (looked.status_code, looked.content) == (200, b"")
        assert (
            visitor.head(f"{link}/calendar.ics").status_code
            == visitor.get(f"{link}/calendar.ics").status_code
        )
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
            assert visitor.request(method, link).status_code == 405
    assert everything(shop) == before


def test_no_page_may_be_kept_framed_indexed_or_run_scripts(shop: Shop, visitor: TestClient) -> None:
    for address in (shop.link("1042"), f"{shop.link('1042')}/unsubscribe", "/o/wrong", "/console/login"):
        headers = visitor.get(address).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Robots-Tag"] == "noindex"
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == "'none'"
        # The countdown's own file, and none but it.
        assert policy.get("script-src") == ("'self'" if address == shop.link("1042") else None)


def test_items_that_the_law_has_ended_are_not_offered_any_more(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1046")
    form = field(opened(visitor, link, "keep"), "keep")
    shop.pass_time(days=60)
    page = visitor.get(link).text
    assert "These items did not ship in time, so they are cancelled:" in page
    assert "Keep waiting" not in page
    late = visitor.post(link, data={"action": "keep", "form": form, "yes": "yes"})
    assert late.status_code == 409
    assert "There is nothing left to answer" in late.text


def test_a_day_that_has_passed_is_owned_up_to(shop: Shop, visitor: TestClient) -> None:
    link = shop.link("1044")
    assert "Dieser Tag ist vorbei" not in visitor.get(link).text
    shop.pass_time(days=19)
    assert "Dieser Tag ist vorbei" in visitor.get(link).text


def test_what_shops_and_customers_write_is_shown_as_text(shop: Shop, visitor: TestClient) -> None:
    nasty = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    line = an_order("x")["lines"][0]
    customer = {"email": "x@example.com", "name": nasty}
    shop.register(
        nasty, customer=customer, lines=[line | {"name": nasty, "sku": nasty, "reason": nasty, "eta": None}]
    )
    for address in (shop.link(nasty), f"{shop.link(nasty)}?do=cancel", f"{shop.link(nasty)}?do={nasty}"):
        page = visitor.get(address).text
        assert "<script>" not in page
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
    assert int(after["sequence"]) == int(before["sequence"]) + 1
    assert after["from"] == "2027-01-05"
    answer(visitor, shop.link("1042"), "preferences", reminders="off")
    assert events(shop, visitor, "1042") == [after]  # what moves no date is no revision


def test_a_cancelled_line_takes_its_event_off(shop: Shop, visitor: TestClient) -> None:
    [before] = events(shop, visitor, "1042")
    shop.cancel("1042", lines=[{"sku": "ORN-RED", "quantity": 2}])
    assert [event["status"] for event in events(shop, visitor, "1042")] == ["TENTATIVE"]
    shop.cancel("1042")
    [after] = events(shop, visitor, "1042")
    assert (after["uid"], after["status"]) == (before["uid"], "CANCELLED")
    assert int(after["sequence"]) == int(before["sequence"]) + 2
    file = icalendar.Calendar.from_ical(visitor.get(f"{shop.link('1042')}/calendar.ics").content)
    assert (file["method"], file.decoded("refresh-interval")) == ("CANCEL", timedelta(hours=6))


def test_a_line_that_lost_its_date_goes_and_comes_back(shop: Shop, visitor: TestClient) -> None:
    shop.move_date("1042", "ORN-RED", None, "the kiln cracked")
    [lost] = events(shop, visitor, "1042")
    shop.move_date("1042", "ORN-RED", "2027-03-01")
    [found] = events(shop, visitor, "1042")
    assert (lost["status"], found["status"]) == ("CANCELLED", "TENTATIVE")
    assert (found["uid"], int(found["sequence"])) == (lost["uid"], int(lost["sequence"]) + 1)


def test_every_calendar_in_every_language_is_one_that_calendars_read(shop: Shop, visitor: TestClient) -> None:
    for order_id in shop.ids:
        answer_ = visitor.get(f"{shop.link(order_id)}/calendar.ics")
        assert all(len(line) <= 75 for line in answer_.content.split(b"\r\n"))
        for event in icalendar.Calendar.from_ical(answer_.content).walk("VEVENT"):
            assert {"UID", "DTSTAMP", "SEQUENCE", "DTSTART", "DTEND", "SUMMARY", "STATUS"} <= event.keys()


def test_an_order_without_any_date_has_no_calendar(shop: Shop, visitor: TestClient) -> None:
    shop.register("2001", lines=[LAMP])
    assert visitor.get(f"{shop.link('2001')}/calendar.ics").status_code == 404
    assert "calendar.ics" not in visitor.get(shop.link("2001")).text
