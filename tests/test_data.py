"""The data set in `data/`: it is clean, consistent, and shows every situation; the story moves as a whole."""

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from notifier.config import Settings
from notifier.errors import Invalid
from notifier.importing import COLUMNS, Entry, open_lines, read
from notifier.inputs import NewBackorder
from notifier.rehearsal import rehearse
from notifier.scenes import ANCHOR, Event, backorders, events, situations, story, traits
from notifier.simulate import Scenario, ScenarioStore, read_events

DATA = Path(__file__).parent.parent / "data"
NEWS = backorders(DATA)
HAPPENED = events(DATA)
MIDNIGHT = datetime.combine(ANCHOR, datetime.min.time(), UTC)


def at(event: Event) -> datetime:
    return datetime.fromisoformat(event["at"])


def registered(told: list[Event]) -> list[NewBackorder]:
    return [NewBackorder.model_validate(event["backorder"]) for event in told if event["do"] == "register"]


# --- the files ---------------------------------------------------------------------------------------------


def test_every_row_is_accepted() -> None:
    path = DATA / "backorders.csv"
    found = list(read(open_lines(path), path.name))
    assert [item for item in found if not isinstance(item, Entry)] == []
    assert len(found) >= 320
    assert len({line.sku for new in NEWS for line in new.lines}) == 40


def test_every_address_is_in_a_domain_for_examples() -> None:
    domains = {new.customer.email.rpartition("@")[2] for new in NEWS}
    assert all(
        domain in {"example.com", "example.org", "example.net"} or domain.endswith(".example")
        for domain in domains
    )
    urls = [str(line.product_url) for new in NEWS for line in new.lines]
    urls += [event["tracking_url"] for event in HAPPENED if "tracking_url" in event]
    assert all(url.split("/")[2].endswith(".example") for url in urls)


def test_the_readme_tells_the_anchor_and_every_column() -> None:
    readme = (DATA / "README.md").read_text()
    assert f"anchor: {ANCHOR.isoformat()}" in readme
    assert f"{len(NEWS)} backorders" in readme
    assert [column.name for column in COLUMNS if f"`{column.name}`" not in readme] == []
    assert [do for do in {event["do"] for event in HAPPENED} if f"| `{do}` |" not in readme] == []


def test_orders_were_placed_in_the_sixty_days_before_and_no_date_lies_before_its_order() -> None:
    for new in NEWS:
        assert new.placed_at is not None
        assert ANCHOR - timedelta(days=60) <= new.placed_at.date()
        assert new.placed_at < MIDNIGHT
        for line in new.lines:
            known = [day for day in (line.eta, line.eta_earliest, line.promised) if day is not None]
            assert all(new.placed_at.date() < day <= ANCHOR + timedelta(days=60) for day in known)
            assert line.eta is not None or line.reason, "no date without a reason"


def test_a_product_has_one_name_and_one_price_in_each_currency() -> None:
    names = {(line.sku, line.name) for new in NEWS for line in new.lines}
    prices = {(line.sku, new.currency, line.unit_price) for new in NEWS for line in new.lines}
    assert len(names) == 40
    assert len({(sku, currency) for sku, currency, _ in prices}) == len(prices)


def test_events_stand_in_time_order_before_the_anchor_and_after_their_orders() -> None:
    placed = {new.order_id: new.placed_at for new in NEWS}
    assert [at(event) for event in HAPPENED] == sorted(at(event) for event in HAPPENED)
    assert at(HAPPENED[-1]) < MIDNIGHT
    etas = [(at(event).date(), date.fromisoformat(event["eta"])) for event in HAPPENED if event.get("eta")]
    assert [pair for pair in etas if not pair[0] < pair[1] <= ANCHOR + timedelta(days=60)] == []
    for event in HAPPENED:
        if "order_id" in event:
            assert at(event) > (placed[event["order_id"]] or MIDNIGHT)


def test_every_event_has_the_shape_that_its_verb_takes() -> None:
    assert len(read_events(HAPPENED)) == len(HAPPENED)


def test_nothing_ships_or_is_cancelled_or_paid_back_beyond_what_is_left() -> None:
    left = {(new.order_id, line.sku): line.quantity for new in NEWS for line in new.lines}
    prices = {(new.order_id, line.sku): line.unit_price or Decimal(0) for new in NEWS for line in new.lines}
    owed: Counter[str] = Counter()
    for event in HAPPENED:
        for key, units in taken(event, left):
            assert 0 < units <= left[key], event
            left[key] -= units
            if event["do"] != "ship":
                owed[key[0]] += int(units * prices[key] * 100)
        if event["do"] == "refund":
            owed[event["order_id"]] -= int(Decimal(event["amount"]) * 100)
            assert owed[event["order_id"]] >= 0, event
    assert sum(owed.values()) > 0, "some refunds are still to come"


def taken(event: Event, left: dict[tuple[str, str], int]) -> Iterator[tuple[tuple[str, str], int]]:
    """The units that leave an order with this event, by order and SKU."""
    if event["do"] not in {"ship", "cancel"} and event.get("answer") != "cancel":
        return
    rest = [(key, units) for key, units in left.items() if key[0] == event["order_id"] and units]
    assert rest, f"nothing is left for {event}"
    if "lines" in event:
        yield from (((event["order_id"], line["sku"]), line["quantity"]) for line in event["lines"])
    else:
        yield from rest


# --- what is in it -----------------------------------------------------------------------------------------


def test_every_situation_is_there_often_enough() -> None:
    found = Counter(word for new in NEWS for word in situations(new, HAPPENED))
    least = {
        "nothing happened": 40,
        "sku_eta: later": 100,
        "sku_eta: earlier": 40,
        "sku_eta: lost": 5,
        "sku_eta: found": 15,
        "eta: later": 5,
        "eta: earlier": 3,
        "eta: lost": 1,
        "moved twice within minutes": 5,
        "moved back within minutes": 5,
        "later under us-ftc": 30,
        "later under eu": 30,
        "later under none": 10,
        "lost under us-ftc": 1,
        "lost under eu": 1,
        "restock": 50,
        "ship: part": 30,
        "ship: all": 20,
        "cancel: part": 10,
        "cancel: all": 10,
        "cancel: by store": 10,
        "cancel: by customer": 10,
        "answer: keep": 30,
        "answer: cancel": 10,
        "refund": 30,
        "bounce": 3,
    }
    assert {word: found[word] for word, count in least.items() if found[word] < count} == {}
    assert {event["rule"] for event in HAPPENED if event["do"] == "restock"} == {"fifo", "fair"}


def test_the_orders_are_those_of_a_shop_that_sells_to_the_world() -> None:
    found = Counter(word for new in NEWS for word in traits(new))
    locales = ("en-US", "en-GB", "de", "fr", "es", "pl", "ar", "ja", "pt-BR", "nl")
    assert [locale for locale in locales if found[f"locale: {locale}"] < 3] == []
    assert {new.currency for new in NEWS} == {"USD", "EUR", "GBP", "PLN"}
    assert sum(word.startswith("country: ") for word in found) >= 20
    assert sum(word.startswith("zone: ") for word in found) >= 25
    assert {len(new.lines) for new in NEWS} == {1, 2, 3, 4, 5, 6}
    for word in (
        "date: range",
        "date: unknown",
        "promised: absent",
        "promised: another day",
        "name: not ASCII",
    ):
        assert found[word] >= 20, word
    for word in ("name: absent", "zone: absent", "locale: absent", "country: absent"):
        assert found[word] >= 5, word
    names = " ".join(new.customer.name for new in NEWS)
    assert [mark for mark in ("'", "’", "-", "ß", "ł", "ı", "م", "花", "🧶", "🌙") if mark not in names] == []
    assert Counter(new.customer.email for new in NEWS).most_common(1)[0][1] > 1, "some come again"


def test_a_date_has_passed_in_silence() -> None:
    quiet = [new for new in NEWS if situations(new, HAPPENED) == {"nothing happened"}]
    assert [line.sku for new in quiet for line in new.lines if line.eta and line.eta < ANCHOR]


# --- the story ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("today", [ANCHOR, date(2026, 11, 21), date(2028, 2, 29), date(2025, 1, 1)])
def test_moving_the_story_keeps_every_interval(today: date) -> None:
    told, original = story(DATA, today), story(DATA, ANCHOR)
    by = today - ANCHOR
    assert [at(event) - by for event in told] == [at(event) for event in original]
    assert [event.get("eta") and str(date.fromisoformat(event["eta"]) - by) for event in told] == [
        event.get("eta") for event in original
    ]
    for moved, new in zip(registered(told), registered(original), strict=True):
        assert moved.placed_at is not None
        assert moved.placed_at - by == new.placed_at
        for line, before in zip(moved.lines, new.lines, strict=True):
            for name in ("eta", "eta_earliest", "promised"):
                day = getattr(line, name)
                assert (day and day - by) == getattr(before, name)


def test_the_story_on_its_own_day_is_the_files() -> None:
    told = story(DATA, ANCHOR)
    assert sorted(registered(told), key=lambda new: new.order_id) == sorted(
        NEWS, key=lambda new: new.order_id
    )
    assert [event for event in told if event["do"] != "register"] == HAPPENED
    assert [at(event) for event in told] == sorted(at(event) for event in told)


@pytest.mark.parametrize("today", [date(2026, 11, 21), date(2027, 3, 1), date(2024, 12, 31)])
def test_a_card_that_runs_out_before_the_goods_still_does(today: date) -> None:
    def runs_out_first(new: NewBackorder) -> bool:
        last = max((line.eta for line in new.lines if line.eta), default=None)
        return bool(
            new.payment and new.payment.expires and last and new.payment.expires < last.isoformat()[:7]
        )

    before = {new.order_id for new in NEWS if runs_out_first(new)}
    after = {new.order_id for new in registered(story(DATA, today)) if runs_out_first(new)}
    assert before
    assert before <= after


def test_sixty_orders_show_every_situation_of_all_of_them() -> None:
    told = story(DATA, ANCHOR, orders=60)
    kept = registered(told)
    assert len(kept) == 60
    every = {word for new in NEWS for word in situations(new, HAPPENED) | traits(new)}
    assert every <= {word for new in kept for word in situations(new, HAPPENED) | traits(new)}


def test_twenty_orders_show_all_that_can_become_of_an_order() -> None:
    kept = registered(story(DATA, ANCHOR, orders=20))
    every = {word for new in NEWS for word in situations(new, HAPPENED)}
    assert every == {word for new in kept for word in situations(new, HAPPENED)}


def test_a_slice_tells_nothing_of_orders_outside_it() -> None:
    told = story(DATA, ANCHOR, orders=5)
    ids = {new.order_id for new in registered(told)}
    skus = {line.sku for new in registered(told) for line in new.lines}
    assert len(ids) == 5
    assert {event["order_id"] for event in told if "order_id" in event} <= ids
    assert {event["sku"] for event in told if "sku" in event} <= skus


def test_the_engine_plays_a_slice_of_the_story_and_sends_every_kind_of_email() -> None:
    told = story(DATA, ANCHOR, orders=20)
    store = ScenarioStore(name="Hollow & Pine", timezone="America/New_York", country="US")
    scenario = Scenario(store=store, events=told, until=MIDNIGHT)
    sent = [line for line in rehearse(scenario, read_events(told), Settings()) if line["event"] == "message"]
    kinds = {"expectation", "countdown", "delay", "consent", "earlier", "shipped", "cancelled", "refund"}
    assert {line["kind"] for line in sent} >= kinds
    for new in registered(told):
        theirs = [line["kind"] for line in sent if line["order_id"] == new.order_id]
        assert theirs[0] == "expectation"
        assert theirs.count("expectation") == 1
        if "ship: all" in situations(new, HAPPENED):
            assert theirs[-1] == "shipped", "nothing but shipped after the last unit left"


@pytest.mark.parametrize("orders", [0, 1, 352, 1000])
def test_a_slice_has_as_many_orders_as_asked_for_and_there_are(orders: int) -> None:
    assert len(registered(story(DATA, ANCHOR, orders))) == min(orders, len(NEWS))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "needs the columns at, do and order_id"),
        ("when,do,order_id\n", "needs the columns at, do and order_id"),
        ("at,do,order_id\nsoon,answer,1\n", "line 2: Invalid isoformat string: 'soon'"),
        ("at,do,order_id,quantity\n2026-06-01T00:00:00Z,restock,,many\n", "line 2: invalid literal"),
        ('at,do,order_id\n"2026"-,answer,1\n', "line 2: "),
    ],
)
def test_an_events_file_that_cannot_be_read_is_named_with_its_line(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "events.csv").write_text(text)
    with pytest.raises(Invalid, match=said) as refused:
        events(tmp_path)
    assert str(tmp_path / "events.csv") in str(refused.value)


def test_a_bad_backorder_stops_the_story_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "backorders.csv").write_text("order_id,email,sku,product,quantity\n1,a@example.com,A,B,0\n")
    with pytest.raises(Invalid, match="line 2: quantity '0'"):
        story(tmp_path, ANCHOR)


def test_rows_of_one_shipment_become_one_event(tmp_path: Path) -> None:
    with (tmp_path / "events.csv").open("w") as file:
        writer = csv.writer(file)
        writer.writerow(["at", "do", "order_id", "sku", "quantity"])
        writer.writerows([["2026-06-01T00:00:00Z", "ship", "1", sku, "2"] for sku in "AB"])
        writer.writerow(["2026-06-02T00:00:00Z", "ship", "1", "", ""])
    assert events(tmp_path) == [
        {
            "at": "2026-06-01T00:00:00Z",
            "do": "ship",
            "order_id": "1",
            "lines": [{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 2}],
        },
        {"at": "2026-06-02T00:00:00Z", "do": "ship", "order_id": "1"},
    ]
