"""A shop with sixty days behind it: the data set, played through the real engine up to this moment."""

import base64
import hmac
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from rich.console import Console
from rich.progress import Progress
from sqlmodel import Session

from notifier import inbound, policies, wording
from notifier.bootstrap import Services, build, system_clock
from notifier.config import DEVELOPMENT_SECRET, Settings
from notifier.db import supply
from notifier.db.engine import make_engine, transaction
from notifier.db.migrate import upgrade
from notifier.db.overview import Waiting, waiting_skus
from notifier.db.stores import create_store
from notifier.db.tables import Store
from notifier.domain.message import Kind
from notifier.inbound.wishes import NewInbound
from notifier.inputs import NewRestock
from notifier.pages.session import ticket
from notifier.policy_input import PolicyInput, SkuPolicyInput
from notifier.restocking import restock
from notifier.scenes import Event, story
from notifier.simulate import Stage, VirtualClock, read_events
from notifier.words.render import Templates, Wording

STORE_ID = "store_demo"
API_KEY = "nk_demo_key_for_this_machine_only"
WIDGET_KEY = "pk_demo"
SHOPIFY_SECRET = "demo secret, for this machine only"  # noqa: S105  as open as the demo's API key
SKU_SHOWN = "MUG-SOLSTICE"
LOTS_LATE = (6, 4, 11, 0, 7, 5)
"""By how many days each of the lots before missed its date: what the shop's dates are held against."""
SHIPMENTS_LATE = {"Kiln & Daughters": (5, 0, 9, 4, 7, 3), "Harbor Supply": (0, 1, 0, 0, -1, 0)}
"""By how many days each maker's shipments came late."""
SECOND_SUBJECT = "Order %(order)s is on time: %(date)s"
"""What half of the orders get countdowns under: the shop tries whether it does better."""
TRANSLATED = {
    "de": "Bestellung %(order)s ist im Zeitplan: %(date)s",
    "fr": "Commande %(order)s dans les temps : %(date)s",
    "es": "Pedido %(order)s, a tiempo: %(date)s",
    "pl": "Zamówienie %(order)s zgodnie z planem: %(date)s",
    "ar": "الطلب %(order)s في موعده: %(date)s",
    "ja": "ご注文 %(order)s は予定どおりです：%(date)s",
}
ORDERS = 60
DATA = Path(__file__).resolve().parents[1] / "data"
POLICY = PolicyInput(skus={"MUG-SOLSTICE": SkuPolicyInput(countdown_days=[7, 1])})
"""The one that holds in the end, beside the one that it began with: so its page has something to show."""
BRAND = {
    "website": "https://shop.example",
    "accent": "#1f5a43",
    "address": "12 Mill Lane, Burlington, VT 05401, USA",
    "support_email": "hello@shop.example",
    "voice": "warm",
    "socials": [{"name": "Instagram", "url": "https://www.instagram.com/shop.example"}],
}


def set_the_stage(folder: Path, port: int, now: datetime, console: Console) -> tuple[Services, str]:
    """The demo's services and the words that say where it is. What an earlier demo left in `folder` goes on."""
    settings = Settings(
        _env_file=None,
        database_url=f"sqlite:///{folder / 'notifier.db'}",
        provider="outbox",
        outbox_dir=folder / "outbox",
        sender="Hollow & Pine <orders@shop.example>",
        public_url=f"http://127.0.0.1:{port}",
        secret_key=DEVELOPMENT_SECRET,
        templates_dir=Path("templates"),
    )
    if (folder / "notifier.db").exists():
        upgrade(make_engine(settings.database_url))
    else:
        _play_the_past(folder, settings, now, console)
    services = build(settings)
    with transaction(services.engine) as session:
        services.keyring.keep(session, STORE_ID, "shopify", {"webhook_secret": SHOPIFY_SECRET}, now)
    return services, _words(services, folder)


def _play_the_past(folder: Path, settings: Settings, now: datetime, console: Console) -> None:
    """Live through the story in memory; it becomes the demo's database only once it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    told = [
        *_earlier_lots(now), *_earlier_shipments(now), *map(_without_pictures, story(DATA, now.date(), ORDERS))
    ]  # fmt: skip
    events = read_events(sorted(told, key=lambda event: datetime.fromisoformat(event["at"])))
    past = [item for item in events if item.event.at <= now]
    clock = VirtualClock(past[0].event.at - timedelta(days=1))
    engine = make_engine("sqlite://")
    upgrade(engine)
    services = build(settings.model_copy(update={"send_threads": 1}), engine=engine, clock=clock)
    with transaction(engine) as session:
        made = create_store(
            session, clock.now, name="Hollow & Pine", timezone="America/New_York", locale="en-US", country="US",
            store_id=STORE_ID, api_key=API_KEY,
        )  # fmt: skip
        made.store.brand = dict(BRAND)
        made.store.reply_to = "Hollow & Pine <hello@shop.example>"
        made.store.widget, made.store.widget_key = "honest", WIDGET_KEY
        wording.publish(
            session,
            STORE_ID,
            Kind.COUNTDOWN,
            _two_subjects(services.post.templates),
            "console",
            clock.now,
            None,
        )
    span = (now - clock.now).total_seconds()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Sixty days at a shop", total=span)
        for _ in Stage(services.post, clock, STORE_ID).play(past, now):
            progress.update(task, completed=span - (now - clock.now).total_seconds())
    with transaction(engine) as session:
        policies.change(session, STORE_ID, POLICY, "the demo", now)
    with transaction(engine) as session:
        _expect_goods(session, session.get_one(Store, STORE_ID), now)
    with transaction(engine) as session:
        _set_aside(session, session.get_one(Store, STORE_ID), now)
    draft = folder / "draft.db"
    draft.unlink(missing_ok=True)
    memory = engine.raw_connection()
    memory.cursor().execute("VACUUM INTO ?", (str(draft),))
    memory.close()
    engine.dispose()
    draft.rename(folder / "notifier.db")


def _earlier_lots(now: datetime) -> Iterator[Event]:
    """One order for each lot of a SKU that came in the months before the story, a month apart."""
    for number, late in enumerate(LOTS_LATE):
        placed = now - timedelta(days=80 + 30 * (len(LOTS_LATE) - number))
        promised = placed + timedelta(days=10)
        order_id = f"HP-9{number:04}"
        yield {
            "at": placed.isoformat(),
            "do": "register",
            "backorder": {
                "order_id": order_id,
                "customer": {"email": f"reader{number}@example.com", "name": "A. Reader", "country": "US"},
                "lines": [
                    {
                        "sku": SKU_SHOWN,
                        "name": "Solstice mug, 350 ml",
                        "quantity": 4,
                        "eta": promised.date().isoformat(),
                    }
                ],
            },
        }
        shipped = promised + timedelta(days=late)
        yield {"at": shipped.isoformat(), "do": "ship", "order_id": order_id, "carrier": "UPS"}


def _earlier_shipments(now: datetime) -> Iterator[Event]:
    """What two makers sent before, a shipment every four weeks: one seldom on its day, and it says so late."""
    for supplier, late in SHIPMENTS_LATE.items():
        for number, days in enumerate(late):
            handed_in = now - timedelta(days=14 + 28 * (len(late) - number))
            promised = handed_in + timedelta(days=12)
            known = {"reference": f"{supplier.split()[0]}-{number + 1}", "do": "inbound_move"}
            yield known | {
                "at": handed_in.isoformat(),
                "do": "inbound",
                "supplier": supplier,
                "lines": [{"sku": f"CLAY-{supplier[:3].upper()}", "quantity": 40}],
                "eta": promised.date().isoformat(),
            }
            if days > 2:
                moved = promised + timedelta(days=days - 2)
                at = promised - timedelta(days=1)
                yield known | {
                    "at": at.isoformat(),
                    "eta": moved.date().isoformat(),
                    "reason": "the kiln was full",
                }
            yield known | {"at": (promised + timedelta(days=days)).isoformat(), "stage": "arrived"}


def _two_subjects(templates: Templates) -> Wording:
    """The countdown that comes with Notifier, with a second subject beside its own."""
    second = f'{{{{ _("{SECOND_SUBJECT}", order=order.short, date=news[0].eta.short) }}}}'
    block = f"{{% block subject_b %}}{second}{{% endblock %}}\n\n{{% block preheader %}}"
    source = templates.source(Kind.COUNTDOWN).replace("{% block preheader %}", block, 1)
    return Wording(source, {code: {SECOND_SUBJECT: words} for code, words in TRANSLATED.items()})


def _scarcest(session: Session) -> Waiting | None:
    """Of what nothing is on its way, the SKU that most orders wait for."""
    waiting = waiting_skus(session, STORE_ID, 20)
    return next((it for it in waiting if not supply.coming(session, STORE_ID, it.sku, 1)), None)


def _set_aside(session: Session, store_row: Store, now: datetime) -> None:
    """Half of what orders wait for of one SKU has come, one unit to each in turn; the rest is left to try out."""
    if scarce := _scarcest(session):
        new = NewRestock(sku=scarce.sku, quantity=(scarce.units + 1) // 2, rule="fair")
        restock(session, store_row, new, now)


def _expect_goods(session: Session, store_row: Store, now: datetime) -> None:
    """Two purchase orders for what most orders wait for, due when their customers were told."""
    wanted = [
        it
        for it in waiting_skus(session, STORE_ID, 20)
        if it.last_eta and it.last_eta > now.date() and it.units > it.allocated
    ]
    stages = ("in_transit", "ordered")
    for number, (sku, stage, supplier) in enumerate(zip(wanted, stages, SHIPMENTS_LATE, strict=False)):
        new = {
            "reference": f"PO-{2041 + number}",
            "supplier": supplier,
            "lines": [{"sku": sku.sku, "quantity": sku.units - sku.allocated + 24}],
            "eta": sku.last_eta,
            "stage": stage,
            "confirm": True,
        }
        inbound.register(session, store_row, NewInbound.model_validate(new), now)


def _without_pictures(event: Event) -> Event:
    """The data set's pictures are as invented as its shop: a browser would only find that they are not there."""
    if event["do"] != "register":
        return event
    lines = [
        {name: value for name, value in line.items() if name != "image_url"}
        for line in event["backorder"]["lines"]
    ]
    return event | {"backorder": event["backorder"] | {"lines": lines}}


def _words(services: Services, folder: Path) -> str:
    address = services.settings.public_url
    with transaction(services.engine) as session:
        store = session.get_one(Store, STORE_ID)
        scarce = _scarcest(session)
    arrivals = (
        f"\n  Arrivals   {address}/console/restocks?sku={quote(scarce.sku, safe='')}&quantity=2"
        " (who would get two units that came, by either rule)"
        if scarce
        else ""
    )
    now = system_clock()
    today = now.date()
    order, signature = _from_shopify(now)
    return f"""
  {store.name} is open.

  Console    {address}/console/login?ticket={ticket(services, STORE_ID)}
  API        {address}/docs
  API key    {API_KEY}
  Emails     {folder / "outbox"}/ (nothing is sent anywhere)
  Product    {address}/widget/example/{WIDGET_KEY}/{SKU_SHOWN} (a page of the shop's own)
  Trial      {address}/console/templates/countdown/trial (two subjects, for half of the orders each){arrivals}

  Register a backorder, and find its email in the outbox within seconds:

  curl -s {address}/v1/backorders \\
    -H 'Authorization: Bearer {API_KEY}' -H 'Content-Type: application/json' \\
    -d '{{"order_id": "demo-1", "customer": {{"email": "jane@example.com", "name": "Jane Doe", "country": "US"}},
         "lines": [{{"sku": "ORN-RED", "name": "Red glass ornament", "quantity": 3,
                    "eta": "{today + timedelta(days=21)}"}}]}}'

  Or as a shop of Shopify's tells of it, signed:

  curl -s {address}/webhooks/shopify/{STORE_ID} \\
    -H 'X-Shopify-Topic: orders/create' -H 'X-Shopify-Hmac-Sha256: {signature}' \\
    -d '{order}'

  Ctrl-C stops it; the next start goes on where it stopped. Remove {folder}/ for a fresh one.
"""


def _from_shopify(now: datetime) -> tuple[str, str]:
    """What of a new order Shopify sends that matters here, and its signature."""
    due = {"name": "_backorder_eta", "value": f"{now.date() + timedelta(days=21)}"}
    item = {
        "id": 1,
        "sku": "ORN-RED",
        "name": "Red glass ornament",
        "price": "9.50",
        "quantity": 3,
        "properties": [due],
    }
    order = {
        "id": 4242,
        "name": "#4242",
        "email": "jane@example.com",
        "currency": "USD",
        "created_at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "updated_at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "shipping_address": {
            "first_name": "Jane",
            "last_name": "Doe",
            "country_code": "US",
            "province_code": "VT",
        },
        "line_items": [item],
    }
    body = json.dumps(order)
    return body, base64.b64encode(hmac.digest(SHOPIFY_SECRET.encode(), body.encode(), "sha256")).decode()
