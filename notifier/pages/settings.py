"""The store's settings in the console: what it is called, how it looks, through whose accounts it sends, and a test."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from notifier import providers
from notifier.db import accounts
from notifier.db.account_tables import ProviderAccount, ProviderKeys
from notifier.db.accounts import State
from notifier.db.engine import reading, transaction
from notifier.db.tables import Store
from notifier.errors import Invalid
from notifier.faults import faults
from notifier.keyring import FIELDS, PLAIN
from notifier.pages.html import Page, PageRoute
from notifier.pages.plain import Label
from notifier.pages.session import SignedIn, Visit
from notifier.shopkeeping import SCALARS, BrandChange, NewTrial, StoreChange, change, document
from notifier.trial import Trial, send_test
from notifier.validation import checked
from notifier.words.brand import SAFE_FONTS, network

PATH = "/console/settings"
BRAND = tuple(f"brand.{name}" for name in BrandChange.model_fields)
SHOP = (*(name for name in SCALARS if "provider" not in name), *BRAND)
NAMES = {
    "outbox": "Outbox folder (nothing is sent)",
    "smtp": "Mail server (SMTP)",
    "sendgrid": "SendGrid",
    "klaviyo": "Klaviyo",
}
KEYS = {
    "sendgrid": {
        "api_key": "API key, with Mail Send",
        "webhook_public_key": "Verification key of the event webhook",
    },
    "klaviyo": {"api_key": "Private API key, with events:write", "webhook_secret": "Secret of the webhook"},
    "smtp": {"url": "Address with login, like smtp+starttls://user:password@mail.example:587"},
}
FONTS = (*SAFE_FONTS, "Avenir Next, Georgia", "Helvetica Neue, Arial")
"""What is suggested; others may be named before one of those that everybody has."""
STATES = {
    State.CLOSED: Label("All is well", "good"),
    State.PAUSED: Label("Paused", "bad"),
    State.PROBING: Label("Being tried again", "wait"),
}

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Done = Annotated[str, Query(max_length=20)]


async def _entered(request: Request) -> dict[str, str]:
    return {name: value.strip() for name, value in (await request.form()).items() if isinstance(value, str)}


Entered = Annotated[dict[str, str], Depends(_entered)]


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    service: str
    label: Label
    row: ProviderAccount | None


@router.get(PATH)
def settings_page(visit: SignedIn, done: Done = "") -> Page:
    return _page(visit, done=done)


@router.post(PATH)
def change_shop(visit: SignedIn, entered: Entered, token: Annotated[str, Form()]) -> Response:
    """How the shop is called, and how its emails look; a field left empty takes the setting away."""
    visit.check(token, "settings")
    wanted = {name: entered[name] or None for name in SHOP if name in entered}
    return _changed(visit, "shop", wanted, entered)


@router.post(f"{PATH}/sending")
def change_sending(visit: SignedIn, entered: Entered, token: Annotated[str, Form()]) -> Response:
    """Through whose accounts emails go; a key left empty stays, unless it is to be taken away."""
    visit.check(token, "sending")
    wanted = {name: entered[name] or None for name in ("provider", "second_provider") if name in entered}
    return _changed(visit, "sending", wanted | dict(_keys(entered)), entered)


@router.post(f"{PATH}/test")
def test(visit: SignedIn, entered: Entered, token: Annotated[str, Form()]) -> Page:
    """Send a test email, and say on the page what came of it."""
    visit.check(token, "test")
    try:
        wanted = NewTrial(to=entered.get("to", ""), second=bool(entered.get("second")))
        trial = send_test(visit.services.post, visit.store_id, wanted.to, visit.now, second=wanted.second)
    except ValidationError as error:
        return _page(visit, problems={"test": faults(error)[0].detail}, entered=entered)
    except Invalid as error:
        return _page(visit, problems={"test": error.detail}, entered=entered)
    return _page(visit, trial=trial, entered=entered)


def _keys(entered: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    for provider, fields in FIELDS.items():
        for field in fields:
            name = f"keys.{provider}.{field}"
            if entered.get(f"drop.{name}") or (field in PLAIN and entered.get(name) == ""):
                yield name, None
            elif entered.get(name):
                yield name, entered[name]


def _changed(
    visit: Visit, form: str, wanted: Mapping[str, str | None], entered: Mapping[str, str]
) -> Response:
    services = visit.services
    try:
        wish = checked(StoreChange, document(wanted.items()))
        with transaction(services.engine) as session:
            change(session, visit.store_id, wish, services.post, services.keyring, visit.now)
    except Invalid as error:
        return _page(visit, problems={form: error.detail}, entered=entered)
    return RedirectResponse(f"{PATH}?done={form}#{form}", 303)


def _page(
    visit: Visit,
    *,
    done: str = "",
    problems: Mapping[str, str] | None = None,
    entered: Mapping[str, str] | None = None,
    trial: Trial | None = None,
) -> Page:
    settings = visit.services.settings
    with reading(visit.services.engine) as session:
        store = session.get_one(Store, visit.store_id)
        own = accounts.keys_of(session, store.id)
        through = [
            _account(accounts.find(session, name), name, visit)
            for name in accounts.of_store(session, store.id, settings.provider)
        ]
    values = {
        "values": {"to": "", "second": ""} | _values(store) | _choices(own) | dict(entered or {}),
        "keys": KEYS,
        "shown": _shown(own),
        "hosts": providers.HOSTS["sendgrid"],
        "names": NAMES,
        "fonts": FONTS,
        "installed": settings.provider,
        "default_sender": settings.sender,
        "accounts": through,
        "problems": problems or {},
        "done": done,
        "trial": trial,
    }
    return visit.page("settings.html", values, 422 if problems else 200)


def _account(row: ProviderAccount | None, name: str, visit: Visit) -> Account:
    service = NAMES[accounts.provider_of(name)]
    return Account(name, service, STATES[accounts.state(row, visit.now)], row)


def _values(store: Store) -> dict[str, str]:
    """What the fields show: never a key."""
    brand = {f"brand.{name}": value for name, value in store.brand.items()}
    brand["brand.socials"] = "\n".join(_social(page) for page in store.brand.get("socials", []))
    scalars = {name: getattr(store, name) for name in SCALARS}
    return dict.fromkeys(BRAND, "") | {name: value or "" for name, value in (scalars | brand).items()}


def _social(page: Mapping[str, str]) -> str:
    """As it is entered: with its name where that is not plain from the address."""
    return page["url"] if network(page["url"]) == page["name"] else f"{page['name']} {page['url']}"


def _shown(own: Mapping[str, ProviderKeys]) -> dict[str, str]:
    return {f"keys.{row.provider}.{name}": value for row in own.values() for name, value in row.shown.items()}


def _choices(own: Mapping[str, ProviderKeys]) -> dict[str, str]:
    """How the store uses its own accounts: what of them is no secret."""
    shown = _shown(own)
    names = (
        f"keys.{provider}.{name}" for provider, fields in FIELDS.items() for name in fields if name in PLAIN
    )
    return {name: shown.get(name, "") for name in names}
