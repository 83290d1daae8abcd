"""A supplier's record: kept from its shipments, used where an SKU has too few past dates, told in the insights."""

from datetime import timedelta

import pytest

from notifier.db.engine import transaction
from notifier.db.tables import Store
from tests.api.client import START, Api, Json, a_line

MAKER = "Lumen Glass"
LATE = (5, 3, 8, 0, 6)
"""By how many days each of its past shipments came late."""


def expect(api: Api, reference: str, eta: str | None, sku: str = "ORN-RED", **changes: object) -> Json:
    body = {"reference": reference, "supplier": MAKER, "lines": [{"sku": sku, "quantity": 9}], "eta": eta}
    made: Json = api("POST", "/v1/inbound-shipments", 201, json=body | changes)
    return made


def change(api: Api, shipment: Json, **wanted: object) -> Json:
    changed: Json = api("PATCH", f"/v1/inbound-shipments/{shipment['id']}", json=wanted)
    return changed


def live_through(api: Api, late: tuple[int, ...] = LATE, supplier: str = MAKER) -> None:
    """One shipment after the other, a month apart, each of an SKU of its own."""
    api.clock.now = START - timedelta(days=31 * len(late))
    for number, days in enumerate(late):
        eta = api.clock.now.date() + timedelta(days=10)
        made = expect(api, f"{supplier}-{number}", eta.isoformat(), f"OLD-{number}", supplier=supplier)
        api.clock.pass_by(days=10 + days)
        change(api, made, stage="arrived")
        api.clock.pass_by(days=21 - days)


def test_a_shipment_keeps_its_supplier_without_the_space_around_it(api: Api) -> None:
    made = expect(api, "PO-7", "2026-12-20", supplier="  Lumen Glass ")
    assert made["supplier"] == MAKER
    assert change(api, made, supplier="Other Works")["supplier"] == "Other Works"
    assert change(api, made, supplier=None)["supplier"] is None
    assert expect(api, "PO-8", None, supplier=None)["supplier"] is None


@pytest.mark.parametrize(
    ("supplier", "why"),
    [
        ("", "should have at least 1 character"),
        ("   ", "should have at least 1 character"),
        ("x" * 101, "should have at most 100 characters"),
        ("Lumen\nGlass", "must not contain line breaks or control characters"),
        ("Lumen\x00", "must not contain line breaks or control characters"),
        (7, "valid string"),
    ],
)
def test_a_supplier_is_a_short_text(api: Api, supplier: object, why: str) -> None:
    body = {"reference": "PO-7", "supplier": supplier, "lines": [{"sku": "A", "quantity": 1}], "eta": None}
    (fault,) = api("POST", "/v1/inbound-shipments", 422, json=body)["errors"]
    assert fault["pointer"] == "/supplier"
    assert why in fault["detail"]
    assert api("GET", "/v1/inbound-shipments")["data"] == []


def test_the_same_shipment_of_another_supplier_is_another(api: Api) -> None:
    expect(api, "PO-7", "2026-12-20")
    body = {"reference": "PO-7", "supplier": "Other", "lines": [{"sku": "ORN-RED", "quantity": 9}]}
    api("POST", "/v1/inbound-shipments", 409, json=body | {"eta": "2026-12-20"})


def test_a_supplier_cant_change_once_its_shipment_has_arrived(api: Api) -> None:
    made = expect(api, "PO-7", "2026-12-20")
    change(api, made, stage="arrived")
    path = f"/v1/inbound-shipments/{made['id']}"
    (fault,) = api("PATCH", path, 409, json={"supplier": "Other"})["errors"]
    assert fault["pointer"] == "/supplier"
    assert change(api, made, supplier=MAKER)["supplier"] == MAKER


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_shipments_date_is_advised_on_by_its_suppliers_record(api: Api, dry_run: bool) -> None:
    live_through(api)
    new = {
        "reference": "PO-7",
        "supplier": MAKER,
        "lines": [{"sku": "ORN-RED", "quantity": 9}],
        "eta": "2026-12-12",
    }
    answer = api("POST", "/v1/inbound-shipments", 200 if dry_run else 201, json=new | {"dry_run": dry_run})
    (advice,) = (answer if dry_run else answer["effect"])["advice"]
    assert advice["supplier"] == MAKER
    assert advice["suggested"] == {"eta": "2026-12-20", "eta_earliest": "2026-12-17"}
    assert advice["because"] == (
        "of the last 5 shipments of Lumen Glass, 4 came late: half came 5 days after the first date named for them or"
        " later, one in five more than 8 days; ORN-RED has too few past dates of its own"
    )
    assert (answer if not dry_run else new)["eta"] == "2026-12-12"


def test_who_takes_the_advice_on_a_shipment_is_not_advised_again(api: Api) -> None:
    live_through(api)
    made = expect(api, "PO-7", "2026-12-12")
    taken = {"eta": "2026-12-20", "eta_earliest": "2026-12-17"}
    assert "advice" not in change(api, made, **taken, dry_run=True)
    assert "advice" not in change(api, made, **taken)["effect"]
    assert "advice" not in change(api, made, stage="customs")["effect"]


def test_a_new_shipment_may_say_which_date_its_supplier_named(api: Api) -> None:
    live_through(api)
    taken = {"eta_earliest": "2026-12-17", "supplier_eta": "2026-12-12"}
    made = expect(api, "PO-7", "2026-12-20", **taken)
    assert made["supplier_eta"] == "2026-12-12"
    assert "advice" not in made["effect"]
    assert expect(api, "PO-8", "2026-12-20")["effect"]["advice"][0]["suggested"]["eta"] == "2026-12-28"
    api.clock.pass_by(days=14)
    change(api, made, stage="arrived")
    change(api, expect(api, "PO-9", "2027-01-12"), eta="2027-01-13")
    (told,) = api("GET", "/v1/insights")["slips_by_supplier"]
    assert (told["missed"], told["dates"]) == (5, 6)


def test_an_order_for_what_a_late_supplier_brings_is_advised_on(api: Api) -> None:
    live_through(api)
    expect(api, "PO-7", "2026-12-12")
    (advice,) = api.register()["advice"]
    assert advice["supplier"] == MAKER
    assert advice["suggested"] == {"eta": "2026-12-20", "eta_earliest": "2026-12-17"}
    assert "advice" not in api.register(order_id="other", lines=[a_line("NOBODY-BRINGS-IT")])


def test_the_last_shipment_says_who_supplies_an_sku(api: Api) -> None:
    live_through(api)
    expect(api, "PO-7", "2026-12-12")
    expect(api, "PO-8", "2026-12-12", supplier="Punctual & Sons")
    assert "advice" not in api.register()


def test_a_supplier_that_keeps_its_dates_is_not_advised_on(api: Api) -> None:
    live_through(api, (0, 0, -2, 9, 0, 1))
    assert "advice" not in expect(api, "PO-7", "2026-12-12")["effect"]


def test_too_few_shipments_say_nothing(api: Api) -> None:
    live_through(api, LATE[:4])
    assert "advice" not in expect(api, "PO-7", "2026-12-12")["effect"]


def test_what_is_here_when_it_is_handed_in_says_nothing_of_dates(api: Api) -> None:
    for number in range(6):
        api.clock.pass_by(days=1)
        expect(api, f"PO-{number}", "2026-06-01", stage="arrived")
    assert "advice" not in expect(api, "PO-7", "2027-01-12")["effect"]


def test_a_supplier_of_another_store_is_another(api: Api, other: Api) -> None:
    live_through(api)
    made = other(
        "POST",
        "/v1/inbound-shipments",
        201,
        json={
            "reference": "PO-7",
            "supplier": MAKER,
            "lines": [{"sku": "A", "quantity": 1}],
            "eta": "2026-12-12",
        },
    )
    assert "advice" not in made["effect"]
    assert other("GET", "/v1/insights")["slips_by_supplier"] == []


def test_insights_tell_how_the_dates_of_each_supplier_slipped(api: Api) -> None:
    first, second = expect(api, "PO-7", "2026-12-12"), expect(api, "PO-8", "2026-12-12", "LAMP")
    other = expect(api, "PO-9", "2026-12-12", "LAMP", supplier="Other Works")
    nobodys = expect(api, "PO-10", "2026-12-12", "LAMP", supplier=None)
    api.clock.pass_by(hours=1)
    for shipment, eta in (
        (first, "2026-12-17"),
        (second, "2026-12-22"),
        (other, "2026-12-13"),
        (nobodys, "2027-01-01"),
    ):
        change(api, shipment, eta=eta)
    api.clock.pass_by(hours=1)
    change(api, first, eta=None)
    change(api, second, eta="2026-12-20")
    told = api("GET", "/v1/insights", params={"from": "2026-12-01", "to": "2026-12-01"})["slips_by_supplier"]
    assert told == [
        {
            "supplier": MAKER, "later": 2, "days_later": 15, "most_days": 10, "earlier": 1, "lost": 1,
            "shipments": 2, "missed": None, "dates": None,
        },
        {
            "supplier": "Other Works", "later": 1, "days_later": 1, "most_days": 1, "earlier": 0, "lost": 0,
            "shipments": 1, "missed": None, "dates": None,
        },
    ]  # fmt: skip
    later = {"from": "2026-12-02", "to": "2026-12-05"}
    assert api("GET", "/v1/insights", params=later)["slips_by_supplier"] == []


def test_what_is_taken_back_within_the_settling_time_never_slipped(api: Api) -> None:
    made = expect(api, "PO-7", "2026-12-12")
    change(api, made, eta="2027-12-12")
    api.clock.pass_by(minutes=5)
    change(api, made, eta="2026-12-12")
    assert api("GET", "/v1/insights")["slips_by_supplier"] == []
    change(api, made, eta=None)
    api.clock.pass_by(minutes=5)
    change(api, made, eta="2026-12-12")
    assert api("GET", "/v1/insights")["slips_by_supplier"] == []
    change(api, made, eta="2026-12-15")
    api.clock.pass_by(hours=5)
    change(api, made, eta="2026-12-12")
    (told,) = api("GET", "/v1/insights")["slips_by_supplier"]
    assert (told["later"], told["earlier"], told["lost"]) == (1, 1, 0)


def test_insights_tell_how_many_shipments_of_a_supplier_came_late(api: Api) -> None:
    live_through(api)
    change(api, expect(api, "PO-7", "2026-12-12"), eta="2026-12-20")
    (told,) = api("GET", "/v1/insights")["slips_by_supplier"]
    assert (told["missed"], told["dates"]) == (4, 5)


def test_the_shops_own_page_believes_the_suppliers_record(api: Api) -> None:
    live_through(api)
    expect(api, "PO-7", "2026-12-12")
    api.register()
    with transaction(api.services.engine) as session:
        store = session.get_one(Store, api.store.store.id)
        store.widget, store.widget_key = "honest", "pk_test"
    shown = api.http.get("/widget/v1/pk_test/ORN-RED").json()
    assert (shown["earliest"], shown["latest"]) == ("2026-12-17", "2026-12-20")
