"""A last day that a consumer grants in the EU, and consent to further delay in the US."""

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col, select

from notifier.db.engine import reading
from notifier.db.tables import MessageRow, Store
from tests.pages.happenings import (
    happened,
    law_state,
)
from tests.pages.shop import API_KEY, Shop
from tests.pages.test_order_page import answer, everything, field, opened

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
