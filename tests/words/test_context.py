"""The facts of one email as values."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from notifier.domain.eta import UNKNOWN, Eta
from notifier.domain.message import Kind, Message, Said, Status
from notifier.domain.order import Facts
from notifier.words.context import Shop, variables
from notifier.words.samples import (
    EMMA,
    LINKS,
    NOOR,
    NOW,
    ORNAMENT,
    SAMPLES,
    SHOP,
    SIDEBOARD,
    Sample,
    order,
    told,
)
from tests.words.emails import name, the, values

NEW = Eta(date(2026, 12, 22))


def of(facts: Facts, kind: Kind = Kind.DELAY, now: datetime = NOW, **says: Said) -> dict[str, Any]:
    return variables(facts, kind, says, "", SHOP, LINKS, now, "us-ftc")


@pytest.mark.parametrize("sample", SAMPLES, ids=name)
def test_variables_are_plain_json(sample: Sample) -> None:
    made = values(sample)
    assert json.loads(json.dumps(made)) == made


def test_the_old_date_is_what_the_customer_was_last_told() -> None:
    facts = told(order(ORNAMENT), Kind.DELAY, l1=Eta(date(2026, 12, 18)))
    assert of(facts, l1=Said(NEW))["news"][0]["was"]["latest"] == "2026-12-18"


def test_the_old_date_is_what_checkout_promised_when_nothing_was_told() -> None:
    assert of(order(ORNAMENT), l1=Said(NEW))["news"][0]["was"]["latest"] == "2026-12-12"


def test_an_email_on_its_way_does_not_count_as_told_before_itself() -> None:
    says = {"l1": Said(NEW)}
    itself = Message("m1", "delay:l1", Kind.DELAY, Status.SENDING, NOW, NOW, says)
    facts = replace(told(order(ORNAMENT), Kind.EXPECTATION, l1=ORNAMENT.eta), messages=(itself,))
    assert of(facts, l1=Said(NEW))["news"][0]["was"]["latest"] == "2026-12-12"


def test_lines_of_one_date_are_one_piece_of_news() -> None:
    lines = [replace(ORNAMENT, id=key, sku=key) for key in ("a", "b", "c")]
    news = of(order(*lines), a=Said(NEW), b=Said(NEW), c=Said(UNKNOWN))["news"]
    assert [[line["sku"] for line in group["lines"]] for group in news] == [["a", "b"], ["c"]]


def test_the_nearest_date_comes_first_and_no_date_last() -> None:
    lines = [replace(ORNAMENT, id=key, sku=key) for key in ("a", "b", "c")]
    later = Eta(date(2027, 3, 1))
    news = of(order(*lines), a=Said(UNKNOWN), b=Said(later), c=Said(NEW))["news"]
    assert [group["eta"]["latest"] for group in news] == ["2026-12-22", "2027-03-01", None]


def test_only_waiting_lines_without_news_are_the_rest() -> None:
    shipped = replace(SIDEBOARD, id="gone", shipped=1)
    made = of(order(ORNAMENT, SIDEBOARD, shipped), l1=Said(NEW))
    assert [line["sku"] for line in made["later"]] == [SIDEBOARD.sku]


@pytest.mark.parametrize(
    ("now", "days"),
    [
        (datetime(2026, 12, 22, 4, 59, tzinfo=UTC), 1),  # still the 21st in New York
        (datetime(2026, 12, 22, 5, 0, tzinfo=UTC), 0),
        (datetime(2026, 12, 25, 5, 0, tzinfo=UTC), 0),
    ],
)
def test_days_are_counted_on_the_customer_s_calendar(now: datetime, days: int) -> None:
    assert of(order(ORNAMENT), Kind.COUNTDOWN, now, l1=Said(NEW))["days_left"] == days


@pytest.mark.parametrize(
    ("locale", "lang", "text"),
    [
        ("en-US", "en-US", "Tuesday, December 22, 2026"),
        ("en", "en-GB", "Tuesday, 22 December 2026"),  # the customer lives in Britain
        ("de_AT", "de-AT", "Dienstag, 22. Dezember 2026"),
        ("fr-CA", "fr-CA", "mardi 22 décembre 2026"),
        ("pl", "pl", "wtorek, 22 grudnia 2026"),
        ("nl-NL", "en-NL", "Tuesday, 22 December 2026"),
        ("zz", "en-GB", "Tuesday, 22 December 2026"),
        ("", "en-GB", "Tuesday, 22 December 2026"),
    ],
)
def test_dates_are_written_as_the_customer_writes_them(locale: str, lang: str, text: str) -> None:
    facts = order(ORNAMENT, customer=replace(EMMA, locale=locale))
    made = of(facts, l1=Said(NEW))
    assert (made["lang"], made["news"][0]["eta"]["text"]) == (lang, text)


def test_arabic_runs_from_right_to_left() -> None:
    assert of(order(ORNAMENT, customer=replace(NOOR, locale="ar")), l1=Said(NEW))["dir"] == "rtl"


def test_a_range_is_written_as_a_range() -> None:
    span = Eta(date(2026, 12, 22), date(2026, 12, 20))
    eta = of(order(ORNAMENT), l1=Said(span))["news"][0]["eta"]
    assert eta["short"] == "December 20, 2026 – December 22, 2026"
    assert (eta["earliest"], eta["latest"]) == ("2026-12-20", "2026-12-22")


def test_the_markup_tells_the_dates_of_the_email() -> None:
    made = values(the("expectation", "three items, three dates"))
    deliveries = made["json_ld"]["orderDelivery"]
    assert [(d["expectedArrivalFrom"], d["expectedArrivalUntil"]) for d in deliveries] == [
        ("2026-12-12", "2026-12-12"),
        ("2027-01-08", "2027-01-15"),
    ]


def test_the_markup_has_no_delivery_where_no_date_is_known() -> None:
    assert "orderDelivery" not in values(the("expectation", "no date yet"))["json_ld"]


def test_an_address_that_is_no_web_page_never_becomes_a_link() -> None:
    line = replace(ORNAMENT, image_url="javascript:alert(1)", product_url="data:text/html,x")
    shop = Shop(name="Fern & Oak", logo_url="file:///etc/passwd")
    made = variables(order(line), Kind.DELAY, {"l1": Said(NEW)}, "", shop, LINKS, NOW, "us-ftc")
    assert made["lines"][0]["image_url"] is None
    assert made["lines"][0]["product_url"] is None
    assert made["shop"]["logo_url"] is None


def test_a_long_order_number_keeps_its_end_in_subjects() -> None:
    made = of(order(ORNAMENT, number="WEB-2026-11-20-00001042"), l1=Said(NEW))["order"]
    assert (made["id"], made["short"]) == ("WEB-2026-11-20-00001042", "…-00001042")


def test_an_unknown_shipment_is_named() -> None:
    with pytest.raises(KeyError, match="'s9'"):
        variables(order(ORNAMENT), Kind.SHIPPED, {}, "s9", SHOP, LINKS, NOW, "us-ftc")
