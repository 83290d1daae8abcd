"""Stories built by clicking: for each kind of event a form, and what was entered as the event that it means."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from notifier.errors import Fault
from notifier.simulate import ScenarioError

MOST_LINES = 3
"""How many lines an order may have that is clicked together; more can be written as JSON."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form; with `options` it is a choice among them, by value."""

    name: str
    label: str
    type: str = "text"
    options: Mapping[str, str] | None = None
    value: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """What may happen next. `more` are fields that most will leave alone."""

    do: str
    title: str
    button: str
    fields: tuple[Field, ...]
    more: tuple[tuple[str, tuple[Field, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What a story has so far: its orders with their SKUs, the kinds of email sent, and when it got to."""

    zone: str
    now: datetime
    orders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    kinds: Sequence[str] = ()
    shipments: Sequence[str] = ()

    @property
    def skus(self) -> dict[str, str]:
        return {sku: sku for skus in self.orders.values() for sku in skus}


def known_of(events: Sequence[Mapping[str, Any]], kinds: Sequence[str], zone: str, now: datetime) -> Known:
    """What the events of a story that was played tell of."""
    orders = {
        event["backorder"]["order_id"]: [line["sku"] for line in event["backorder"]["lines"]]
        for event in events
        if event["do"] == "register"
    }
    last = datetime.fromisoformat(events[-1]["at"]) if events else now
    shipments = [event["reference"] for event in events if event["do"] == "inbound"]
    return Known(zone, last, orders, kinds, shipments)


def forms(known: Known) -> list[Form]:
    """Every form that makes sense now: before the first order there is nothing to happen to."""
    register = _register(known)
    if not known.orders:
        return [register]
    order = Field("order_id", "Order", options={one: one for one in known.orders})
    sku = Field("sku", "SKU", options=known.skus)
    some = Field("sku", "SKU", options={"": "all that is left"} | known.skus)
    units = Field("quantity", "Units", "number")
    date = (
        Field("eta", "New ship date (empty: nobody can say)", "date"),
        Field("eta_earliest", "Earliest, for a range", "date"),
        Field("reason", "Reason that customers read"),
    )
    kind = Field("kind", "Which email", options={one: one for one in known.kinds})
    at = Field("at", f"When ({known.zone})", "datetime-local", value=_next(known))
    return [
        register,
        Form("eta", "One order’s date moves", "Move it", (at, order, sku, *date)),
        Form("sku_eta", "A SKU’s date moves, for every order", "Move them", (at, sku, *date)),
        Form(
            "ship",
            "Goods ship",
            "Ship",
            (
                at,
                order,
                some,
                units,
                Field("carrier", "Carrier", value="UPS"),
                Field("tracking_number", "Tracking number"),
            ),
        ),
        Form(
            "restock",
            "Goods arrive and are shared",
            "Restock",
            (
                at,
                sku,
                units,
                Field(
                    "rule", "Shared", options={"fifo": "oldest order first", "fair": "one each, in rounds"}
                ),
            ),
        ),
        *_goods_on_their_way(known, at, sku, units, date),
        Form(
            "answer",
            "The customer answers",
            "Answer",
            (at, order, Field("answer", "Answer", options={"keep": "keep waiting", "cancel": "cancel"})),
        ),
        Form(
            "cancel",
            "Units are cancelled",
            "Cancel them",
            (
                at,
                order,
                some,
                units,
                Field("by", "By", options={"customer": "the customer", "store": "the store"}),
                Field("reason", "Reason"),
            ),
        ),
        Form(
            "refund",
            "Money is sent back",
            "Refund",
            (at, order, Field("amount", "Amount"), Field("currency", "Currency", value="USD")),
        ),
        *(
            [
                Form("bounce", "An email comes back", "Let it bounce", (at, order, kind)),
                Form("complain", "An email is called spam", "Complain", (at, order, kind)),
            ]
            if known.kinds
            else []
        ),
        Form("unsubscribe", "The customer wants no reminders", "Unsubscribe", (at, order)),
    ]


def _goods_on_their_way(
    known: Known, at: Field, sku: Field, units: Field, date: tuple[Field, ...]
) -> Iterator[Form]:
    new = Field("reference", "Its name", value=f"PO-{len(known.shipments) + 1}")
    yield Form("inbound", "A shipment is on its way", "Expect it", (at, new, sku, units, *date))
    if known.shipments:
        stages = {"": "as it is", "in_transit": "in transit", "customs": "at customs", "arrived": "arrived"}
        which = Field("reference", "Which", options={one: one for one in known.shipments})
        stage = Field("stage", "Where it is", options=stages)
        yield Form("inbound_move", "The shipment is late, or arrives", "Move it", (at, which, stage, *date))


def _register(known: Known) -> Form:
    number = str(1001 + len(known.orders))
    later = (known.now + timedelta(days=30)).date().isoformat()
    first = (
        Field("at", f"When ({known.zone})", "datetime-local", value=_next(known)),
        Field("order_id", "Order number", value=number),
        Field("email", "Email", "email", value=f"jane.{number}@example.com"),
        Field("name", "Name", value="Jane Doe"),
        *_line(1, "OAK-LAMP", "Oak lamp", later),
    )
    customer = (
        Field("locale", "Language"),
        Field("timezone", "Time zone"),
        Field("country", "Country, two letters"),
    )
    payment = (Field("currency", "Currency", value="USD"), Field("expires", "Card runs out, like 2026-12"))
    others = tuple((f"Line {number}", _line(number)) for number in range(2, MOST_LINES + 1))
    return Form(
        "register",
        "An order is placed",
        "Register",
        first,
        (("Where the customer is", customer), ("Money", payment), *others),
    )


def _line(number: int, sku: str = "", name: str = "", eta: str = "") -> tuple[Field, ...]:
    return (
        Field(f"sku{number}", "SKU", value=sku),
        Field(f"name{number}", "Item", value=name),
        Field(f"quantity{number}", "Units", "number", value="1" if sku else ""),
        Field(f"unit_price{number}", "Unit price"),
        Field(f"eta{number}", "Ships on", "date", value=eta),
        Field(f"eta_earliest{number}", "Earliest, for a range", "date"),
        Field(f"reason{number}", "Reason, where there is no date"),
    )


def _next(known: Known) -> str:
    """The morning after what happened last, as a form takes it."""
    local = known.now.astimezone(ZoneInfo(known.zone)) + timedelta(days=1 if known.orders else 0)
    return f"{local:%Y-%m-%d}T10:00"


# --- what was entered -------------------------------------------------------------------------------------


def event_of(do: str, entered: Mapping[str, str], zone: str) -> dict[str, Any]:
    """The event that a form means. What is wrong with it, the story's reader says. Raises ScenarioError for `at`."""
    given = {name: value.strip() for name, value in entered.items() if value.strip()}
    event: dict[str, Any] = {"at": _at(given.get("at", ""), zone), "do": do}
    if do == "register":
        return event | {"backorder": _backorder(given)}
    plain = ("order_id", "sku", "eta_earliest", "reason", "rule", "carrier", "tracking_number", "answer", "by",
             "amount", "currency", "kind", "reference", "stage")  # fmt: skip
    event |= {name: given[name] for name in plain if name in given}
    if do in {"eta", "sku_eta", "inbound"} or (do == "inbound_move" and "eta" in given):
        event["eta"] = given.get("eta")
    if do == "restock" and "quantity" in given:
        event["quantity"] = _number(given["quantity"])
    if do in {"ship", "cancel", "inbound"} and {"sku", "quantity"} & given.keys():
        event.pop("sku", None)
        event["lines"] = [dict(_part(given, "", ("sku", "quantity")))]
    return event


def _backorder(given: Mapping[str, str]) -> dict[str, Any]:
    names = ("sku", "name", "quantity", "unit_price", "eta", "eta_earliest", "reason")
    lines = [dict(_part(given, str(number), names)) for number in range(1, MOST_LINES + 1)]
    written = [line for line in lines if line.keys() - {"quantity"}]
    customer = dict(_part(given, "", ("email", "name", "locale", "timezone", "country")))
    order: dict[str, Any] = {"order_id": given.get("order_id", ""), "customer": customer, "lines": written}
    if any("unit_price" in line for line in written) and "currency" in given:
        order["currency"] = given["currency"]
    if "expires" in given:
        order["payment"] = {"expires": given["expires"]}
    return order


def _part(given: Mapping[str, str], suffix: str, names: Sequence[str]) -> Iterator[tuple[str, Any]]:
    for name in names:
        if (value := given.get(f"{name}{suffix}")) is not None:
            yield name, _number(value) if name == "quantity" else value


def _number(value: str) -> int | str:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else value


def _at(value: str, zone: str) -> str:
    """A wall time in the zone, as an instant. The second of two, where the clock is set back, can't be entered."""
    try:
        wall = datetime.fromisoformat(value)
    except ValueError:
        wrong = f"{value!r} is no date and time; write it like '2026-03-20T10:00'"
        raise ScenarioError(f"/at: {wrong}", (Fault("/at", wrong),)) from None
    return (wall if wall.tzinfo else wall.replace(tzinfo=ZoneInfo(zone))).isoformat()


def put(events: Sequence[Mapping[str, Any]], event: dict[str, Any]) -> tuple[list[Any], int]:
    """The events with one more in its place in time, and its number there, from 1."""
    place = sum(not later(other["at"], event["at"]) for other in events)
    return [*events[:place], event, *events[place:]], place + 1


def moment(at: str) -> datetime:
    return datetime.fromisoformat(at)


def later(one: str, other: str) -> bool:
    return moment(one) > moment(other)
