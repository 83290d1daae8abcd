"""Sample orders in every situation, for previews, for `notifier templates check`, and for tests."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal

from notifier.domain.eta import UNKNOWN, Eta
from notifier.domain.inbound import Stage
from notifier.domain.message import Kind, Message, Said, Status
from notifier.domain.order import Cancellation, Card, Customer, Facts, Line, Refund, Related, Shipment
from notifier.domain.policy import Policy, jurisdiction
from notifier.words.context import Links, Shop

NOW = datetime(2026, 12, 1, 15, 0, tzinfo=UTC)
PLACED = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)

SHOP = Shop(
    name="Fern & Oak",
    website="https://fernandoak.example",
    address="12 Mill Lane, Burlington, VT 05401, USA",
    support_email="hello@fernandoak.example",
    socials=({"name": "Instagram", "url": "https://www.instagram.com/fernandoak"},),
)

_PAGE = "https://mail.fernandoak.example/o/c2FtcGxlLW9yZGVyLXBhZ2UuMTA0Mg.k3VbE1u8-4Qy7cJZ0aXwLr9sPqM"
LINKS = Links(
    order=_PAGE,
    keep=f"{_PAGE}/keep",
    cancel=f"{_PAGE}/cancel",
    unsubscribe=f"{_PAGE}/unsubscribe",
    preferences=f"{_PAGE}/preferences",
    calendar=f"{_PAGE}/calendar.ics",
)


@dataclass(frozen=True)
class Sample:
    """One email to be: what it is about, and all that is known of the order."""

    name: str
    kind: Kind
    facts: Facts
    says: Mapping[str, Said] = field(default_factory=dict)
    about: str = ""

    @property
    def law(self) -> str:
        """Of a store that leaves it to the customer's country."""
        return jurisdiction(Policy(), self.facts.customer.country)


ORNAMENT = Line(
    id="l1",
    sku="ORN-RED",
    name="Red glass ornament",
    quantity=3,
    eta=Eta(date(2026, 12, 12)),
    eta_changed_at=PLACED,
    promised=date(2026, 12, 12),
    unit_price=Decimal("9.50"),
    image_url="https://img.fernandoak.example/orn-red-64.jpg",
    product_url="https://fernandoak.example/p/orn-red",
    highlights=("Mouth-blown by hand, so no two are alike", "Signed by the maker"),
    related=(
        Related(
            "Brass ornament hooks",
            "https://fernandoak.example/p/hooks",
            "https://img.fernandoak.example/hooks-64.jpg",
        ),
        Related(
            "Keepsake box, holds twelve",
            "https://fernandoak.example/p/box",
            "https://img.fernandoak.example/box-64.jpg",
        ),
    ),
)
SIDEBOARD = Line(
    id="l2",
    sku="SIDE-WALNUT-160",
    name="Walnut sideboard, 160 cm, oiled finish",
    quantity=1,
    eta=Eta(date(2027, 1, 15), date(2027, 1, 8)),
    eta_changed_at=PLACED,
    promised=date(2027, 1, 15),
    unit_price=Decimal("1290.00"),
)
LAMP = Line(
    id="l3",
    sku="LAMP-OPAL",
    name="Opal reading lamp",
    quantity=1,
    eta=UNKNOWN,
    eta_changed_at=PLACED,
    eta_reason="the maker waits for the glass",
    unit_price=Decimal("84.00"),
)

LONG = Line(
    id="l4",
    sku="GARTENBANK-EICHE-KESSELDRUCKIMPRAEGNIERT-180",
    name="Kesseldruckimprägnierte Gartenbankarmlehnenverlängerungsstücke",
    quantity=12,
    eta=Eta(date(2027, 1, 4), date(2026, 12, 28)),
    eta_changed_at=PLACED,
    unit_price=Decimal("19.90"),
)

JANE = Customer(
    email="jane@example.com", name="Jane Doe", locale="en-US", timezone="America/New_York", country="US"
)
EMMA = Customer(
    email="emma@example.com", name="Emma Clarke", locale="en-GB", timezone="Europe/London", country="GB"
)
NOOR = Customer(
    email="noor@example.com", name="Noor Haddad", locale="en", timezone="Asia/Dubai", country="AE"
)


def order(*lines: Line, customer: Customer = JANE, number: str = "1042") -> Facts:
    """A sample order of these lines."""
    return Facts(
        backorder_id="bo_sample",
        order_id=number,
        placed_at=PLACED,
        registered_at=PLACED,
        customer=customer,
        lines=lines,
        store_timezone="America/New_York",
        currency="USD",
        order_url=f"https://fernandoak.example/orders/{number}",
    )


def told(facts: Facts, kind: Kind, **etas: Eta) -> Facts:
    """The same, after the customer was sent an email with these dates."""
    message = Message(
        id="m_sample",
        key=f"{kind}:sample",
        kind=kind,
        status=Status.DELIVERED,
        due_at=PLACED,
        expires_at=NOW,
        says={line_id: Said(eta) for line_id, eta in etas.items()},
        sent_at=PLACED,
    )
    return replace(facts, messages=(*facts.messages, message))


def on(year: int, month: int, day: int) -> Eta:
    return Eta(date(year, month, day))


def slipped(line: Line, eta: Eta, reason: str | None = None) -> Line:
    return replace(line, eta=eta, eta_reason=reason, eta_changed_at=NOW)


def _expectations() -> Iterator[Sample]:
    def sample(name: str, *lines: Line, number: str = "1042") -> Sample:
        says = {line.id: Said(line.eta) for line in lines}
        return Sample(name, Kind.EXPECTATION, order(*lines, number=number), says)

    yield sample("one item, one day", ORNAMENT)
    yield sample("one item, a range of days", SIDEBOARD)
    yield sample("no date yet", LAMP)
    yield sample("three items, three dates", ORNAMENT, SIDEBOARD, LAMP)
    yield sample("two items, one date", ORNAMENT, replace(SIDEBOARD, eta=ORNAMENT.eta))
    yield sample("long names and a long order number", LONG, number="WEB-2026-11-20-00001042-B")


def _countdowns() -> Iterator[Sample]:
    def sample(name: str, *lines: Line) -> Sample:
        says = {line.id: Said(line.eta) for line in lines}
        return Sample(name, Kind.COUNTDOWN, order(*lines, LAMP), says)

    yield sample("seven days to go", slipped(ORNAMENT, on(2026, 12, 8)))
    yield sample("one day to go", slipped(ORNAMENT, on(2026, 12, 2)))
    yield sample("today", slipped(ORNAMENT, on(2026, 12, 1)))
    yield sample(
        "fourteen days to go, two items", *(slipped(i, on(2026, 12, 15)) for i in (ORNAMENT, SIDEBOARD))
    )
    yield sample("a range of days", slipped(ORNAMENT, Eta(date(2026, 12, 8), date(2026, 12, 4))))


def _delays() -> Iterator[Sample]:
    new, reason = on(2026, 12, 22), "the ship with our containers waits outside the port"
    late = slipped(ORNAMENT, new, reason)
    short = Said(new, "n1_short", new.latest)
    yield Sample("up to 30 days late, US law", Kind.DELAY, order(late), {"l1": short})
    ahead = {"l1": replace(short, further=True)}
    yield Sample("up to 30 days late, asked in advance", Kind.DELAY, order(late), ahead)
    yield Sample("late, EU law", Kind.DELAY, order(late, customer=EMMA), {"l1": Said(new)})
    lost = slipped(ORNAMENT, UNKNOWN, reason)
    yield Sample("the date is lost, EU law", Kind.DELAY, order(lost, customer=EMMA), {"l1": Said(UNKNOWN)})
    span = Eta(date(2027, 1, 4), date(2026, 12, 28))
    again = told(order(slipped(ORNAMENT, span, reason), LAMP, customer=EMMA), Kind.DELAY, l1=new)
    yield Sample("late again, a range of days", Kind.DELAY, again, {"l1": Said(span)})
    both = order(late, slipped(SIDEBOARD, on(2027, 2, 1)), customer=EMMA)
    yield Sample("two items, two dates", Kind.DELAY, both, {"l1": Said(new), "l2": Said(on(2027, 2, 1))})


def _consents() -> Iterator[Sample]:
    limit, reason = date(2027, 1, 11), "the kiln that makes it is being rebuilt"
    far = on(2027, 2, 20)
    late, lost = slipped(ORNAMENT, far, reason), slipped(ORNAMENT, UNKNOWN, reason)
    yield Sample("more than 30 days late", Kind.CONSENT, order(late), {"l1": Said(far, "n1_long", limit)})
    yield Sample("the date is lost", Kind.CONSENT, order(lost), {"l1": Said(UNKNOWN, "n1_indef", limit)})
    ahead = {"l1": Said(far, "n1_long", limit, further=True)}
    yield Sample("more than 30 days late, asked in advance", Kind.CONSENT, order(late), ahead)
    before = on(2026, 12, 20)
    again = told(order(late), Kind.DELAY, l1=before)
    yield Sample("late a second time", Kind.CONSENT, again, {"l1": Said(far, "n2_renewed", before.latest)})
    adrift = told(order(lost, LAMP), Kind.DELAY, l1=before)
    yield Sample(
        "the date is lost a second time",
        Kind.CONSENT,
        adrift,
        {"l1": Said(UNKNOWN, "n2_renewed", before.latest)},
    )
    two = order(late, slipped(SIDEBOARD, UNKNOWN, "the maker closed its workshop"))
    yield Sample(
        "two items, two notices",
        Kind.CONSENT,
        two,
        {"l1": Said(far, "n1_long", limit), "l2": Said(UNKNOWN, "n1_indef", date(2027, 2, 14))},
    )


def _earlier() -> Iterator[Sample]:
    day = on(2026, 12, 5)
    yield Sample(
        "earlier than promised", Kind.EARLIER, order(slipped(ORNAMENT, day), LAMP), {"l1": Said(day)}
    )
    found = told(order(slipped(LAMP, day)), Kind.EXPECTATION, l3=UNKNOWN)
    yield Sample("there is a date now", Kind.EARLIER, found, {"l3": Said(day)})


def _shipments() -> Iterator[Sample]:
    def sample(name: str, facts: Facts, units: Mapping[str, int], tracked: bool = True) -> Sample:
        parcel = Shipment(
            id="s1",
            at=NOW,
            recorded_at=NOW,
            units=units,
            carrier="UPS",
            tracking_number="1Z999AA10123456784" if tracked else "",
            tracking_url="https://carrier.example/track/1Z999AA10123456784" if tracked else None,
        )
        left = tuple(replace(line, shipped=units.get(line.id, 0)) for line in facts.lines)
        return Sample(name, Kind.SHIPPED, replace(facts, lines=left, shipments=(parcel,)), about="s1")

    yield sample("everything", order(ORNAMENT), {"l1": 3})
    yield sample("a part, the rest follows", order(ORNAMENT, SIDEBOARD, LAMP), {"l1": 2})
    yield sample("without tracking", order(ORNAMENT, LAMP), {"l1": 3, "l3": 1}, tracked=False)


def _cancellations() -> Iterator[Sample]:
    def sample(
        name: str, facts: Facts, units: Mapping[str, int], by: str, reason: str | None = None
    ) -> Sample:
        done = Cancellation(id="c1", at=NOW, units=units, by=by, reason=reason)
        left = tuple(replace(line, cancelled=units.get(line.id, 0)) for line in facts.lines)
        return Sample(name, Kind.CANCELLED, replace(facts, lines=left, cancellations=(done,)), about="c1")

    yield sample("by the customer, US law", order(ORNAMENT), {"l1": 3}, "customer")
    stopped = "the maker has stopped making it"
    yield sample(
        "by the shop, a part, EU law", order(ORNAMENT, LAMP, customer=EMMA), {"l3": 1}, "store", stopped
    )
    yield sample("by the shop, elsewhere", order(LAMP, customer=NOOR), {"l3": 1}, "store")
    yield sample("by the law, no answer came", order(ORNAMENT), {"l1": 3}, "law")


def _refunds() -> Iterator[Sample]:
    def sample(
        name: str, facts: Facts, units: Mapping[str, int], amount: str, currency: str, method: str = ""
    ) -> Sample:
        done = Refund(NOW, Decimal(amount), currency, "r1", NOW, method)
        off = tuple(replace(line, cancelled=units.get(line.id, 0)) for line in facts.lines)
        says = {line: Said(facts.line(line).eta) for line in units}
        return Sample(name, Kind.REFUND, replace(facts, lines=off, refunds=(done,)), says, about="r1")

    yield sample("of everything", order(ORNAMENT), {"l1": 3}, "28.50", "USD", "Visa ending 4242")
    yield sample(
        "of a part, the rest follows", order(ORNAMENT, LAMP, customer=EMMA), {"l3": 1}, "1249.00", "EUR"
    )
    kept = order(ORNAMENT)
    goodwill = Refund(NOW, Decimal("5.00"), "USD", "r1", NOW)
    says = {"l1": Said(kept.lines[0].eta)}
    yield Sample("of nothing cancelled", Kind.REFUND, replace(kept, refunds=(goodwill,)), says, about="r1")


def _waits() -> Iterator[Sample]:
    def sample(
        name: str,
        *lines: Line,
        answer_by: date | None = None,
        before: Eta | None = None,
        stage: Stage | None = None,
    ) -> Sample:
        again = date(2026, 12, 15)
        says = {
            line.id: Said(line.eta) if line.eta.known else Said(UNKNOWN, answer_by=answer_by, next_word=again)
            for line in lines
        }
        if stage:
            says = {id_: replace(said, stage=stage) for id_, said in says.items()}
        known = {line.id: before or line.eta for line in lines}
        return Sample(name, Kind.WAITING, told(order(*lines), Kind.EXPECTATION, **known), says)

    yield sample("nothing has changed", slipped(ORNAMENT, on(2027, 1, 12)))
    yield sample("a range of days, a day later than was told", SIDEBOARD, before=on(2027, 1, 14))
    yield sample("there is still no date", LAMP)
    yield sample("no date, and an answer is awaited", LAMP, answer_by=date(2026, 12, 20))
    yield sample("one item has a date, one has none", SIDEBOARD, LAMP)
    yield sample("the goods have been ordered", LAMP, stage=Stage.ORDERED)
    yield sample("the goods are being made", SIDEBOARD, stage=Stage.IN_PRODUCTION)
    yield sample("the goods are on their way", ORNAMENT, SIDEBOARD, stage=Stage.IN_TRANSIT)
    yield sample("the goods are at customs", SIDEBOARD, stage=Stage.CUSTOMS)


def _payments() -> Iterator[Sample]:
    def sample(name: str, last_day: date, line: Line, url: str | None) -> Sample:
        facts = replace(order(line, LAMP), card=Card(last_day, url))
        return Sample(name, Kind.PAYMENT, facts, {line.id: Said(line.eta)})

    url = "https://fernandoak.example/pay/1042"
    yield sample("the card runs out before the date", date(2026, 12, 31), SIDEBOARD, url)
    yield sample("the card has run out", date(2026, 11, 30), ORNAMENT, url)
    yield sample("there is no link to name another", date(2026, 12, 31), SIDEBOARD, None)


SAMPLES: tuple[Sample, ...] = (
    *_expectations(),
    *_countdowns(),
    *_delays(),
    *_consents(),
    *_earlier(),
    *_shipments(),
    *_cancellations(),
    *_refunds(),
    *_waits(),
    *_payments(),
)

LOCALES = ("en-US", "en-GB", "de-DE", "fr-FR", "es-ES", "pl-PL", "ar-AE", "ja-JP")
"""Every language that there is, and both ways of writing an English date."""
