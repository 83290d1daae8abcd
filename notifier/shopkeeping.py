"""A store says what it is called, how its emails look, and through whose accounts they go.

The API, the console and the command line take the same `StoreChange`, with the same names in it.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    EmailStr,
    Field,
    SecretStr,
    StringConstraints,
    TypeAdapter,
)
from sqlmodel import Session

from notifier import keyring
from notifier.db import accounts, policies
from notifier.db.stores import new_widget_key
from notifier.db.tables import Store
from notifier.delivery import Post
from notifier.errors import Fault, Invalid, Misconfigured
from notifier.fields import Country, LocaleTag, LongText, Text, Url, Zone
from notifier.inputs import Input
from notifier.keyring import Keyring
from notifier.providers.mime import mailbox
from notifier.words.brand import MOST_SOCIALS, Voice, fonts, network

SCALARS = (
    "name",
    "sender",
    "reply_to",
    "timezone",
    "locale",
    "country",
    "provider",
    "second_provider",
    "digest_to",
    "digest_hour",
    "widget",
)
NEEDED = frozenset({"name", "timezone", "locale", "digest_hour", "widget"})
"""What every store has: it can be changed, and not be taken away."""

_ADDRESS: TypeAdapter[str] = TypeAdapter(EmailStr)


def _mailbox(value: str) -> str:
    try:
        name, address = mailbox(value, "address")
        _ADDRESS.validate_python(address)
    except ValueError:
        name = address = ""
    if not address or not value.isprintable() or set("<>") & set(name):
        raise ValueError(f"{value!r} is not one mailbox; write it like 'Glass & Light <hello@shop.example>'")
    return f"{name} <{address}>" if name else address


def _secret(value: Any) -> Any:
    """Checked by hand, because what pydantic says of a bad value would quote it."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if not isinstance(value, str) or not 8 <= len(value.strip()) <= 2000:
        raise ValueError("must be a text of 8 to 2000 characters, copied as the service shows it")
    return value.strip()


def _secure(value: Any) -> Any:
    if urlsplit(str(value)).scheme != "https":
        raise ValueError("must be an https address: mail programs show no picture from another")
    return value


def _hex(value: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise ValueError(f"{value!r} is not a colour; write it like '#1f5a43'")
    return value.lower()


def _host(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("must be scheme and host with no path, like https://api.eu.sendgrid.com")
    return value.rstrip("/")


def _group(value: Any) -> Any:
    if isinstance(value, bool | float):
        raise ValueError("must be a whole number, as SendGrid shows it beside the group")
    return value


def _store_hash(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]{1,40}", value):
        raise ValueError(
            f"{value[:60]!r} is not a store hash; it is what stands after stores/ in the API path, like 'abc123xyz'"
        )
    return value


Mailbox = Annotated[str, StringConstraints(min_length=3, max_length=320), AfterValidator(_mailbox)]
Secret = Annotated[SecretStr, BeforeValidator(_secret)]
UnsubscribeGroup = Annotated[
    int,
    BeforeValidator(_group),
    Field(ge=1, lt=2**31, description="Through which group of the account customers unsubscribe"),
]
TemplatesByKind = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=1000),
    Field(description="Kinds that go many in a request, `countdown=d-1a2b expectation=d-3c4d`"),
]
ProviderName = Literal["outbox", "smtp", "sendgrid", "klaviyo"]


class Social(Input):
    """A page of the shop elsewhere."""

    name: Annotated[Text, StringConstraints(max_length=30)]
    url: Annotated[Url, AfterValidator(_secure)]


def _named(value: Any) -> Any:
    """Networks that we know need no name."""
    given = {"url": value} if isinstance(value, str) else value
    if isinstance(given, dict) and isinstance(url := given.get("url"), str) and not given.get("name"):
        name = network(url)
        if name is None:
            raise ValueError(
                f"{url[:100]!r} belongs to no network that we know; give its name too: `Name https://…` in a form,"
                ' {"name": …, "url": …} in JSON'
            )
        return {**given, "name": name}
    return given


def _socials(value: Any) -> Any:
    """A list; or, as forms and the command line have it, text: an address a line, with its name before it."""
    if not isinstance(value, str):
        return value
    pairs = (line.strip().rpartition(" ") for line in re.split(r"[\n,]", value) if line.strip())
    return [{"name": name.strip(), "url": url} for name, _, url in pairs]


def _each_once(value: list[Social]) -> list[Social]:
    for part in ("name", "url"):
        found = [str(getattr(it, part)).lower() for it in value]
        if again := next((it for it in found if found.count(it) > 1), None):
            raise ValueError(f"{again!r} is there twice")
    return value


def _font(value: str) -> str:
    return ", ".join(fonts(value))


class BrandChange(Input):
    """How emails and pages look, and how emails greet. `accent` colours buttons, made readable where it is not."""

    website: Url | None = None
    logo_url: Annotated[Url, AfterValidator(_secure)] | None = None
    accent: Annotated[str, AfterValidator(_hex)] | None = None
    address: Annotated[LongText, Field(description="The shop's postal address")] | None = None
    support_email: EmailStr | None = None
    voice: Annotated[Voice | None, Field(description="How emails greet and sign off; null is `plain`")] = None
    font: Annotated[
        Annotated[str, StringConstraints(max_length=200), AfterValidator(_font)] | None,
        Field(
            description="Names of fonts, the last one that everybody has: `Avenir Next, Georgia`; null is what the"
            " reader's own system writes in"
        ),
    ] = None
    socials: Annotated[
        Annotated[
            list[Annotated[Social, BeforeValidator(_named, json_schema_input_type=Url | Social)]],
            Field(max_length=MOST_SOCIALS),
            BeforeValidator(_socials),
            AfterValidator(_each_once),
        ]
        | None,
        Field(description="Pages elsewhere, below every email that is no notice of the law"),
    ] = None


class SendgridKeys(Input):
    api_key: Secret | None = None
    base_url: Annotated[str, StringConstraints(max_length=200), AfterValidator(_host)] | None = None
    unsubscribe_group: UnsubscribeGroup | None = None
    templates: TemplatesByKind | None = None
    webhook_public_key: Secret | None = None


class KlaviyoKeys(Input):
    api_key: Secret | None = None
    webhook_secret: Secret | None = None


class SmtpKeys(Input):
    url: Secret | None = None


class ShopifyKeys(Input):
    webhook_secret: Annotated[
        Secret | None,
        Field(
            description="What Shopify signs webhooks with: the app's API secret key, or what its admin shows"
        ),
    ] = None


class WooCommerceKeys(Input):
    webhook_secret: Annotated[
        Secret | None, Field(description="The secret that was entered in WooCommerce with its webhooks")
    ] = None


class BigCommerceKeys(Input):
    webhook_secret: Annotated[
        Secret | None,
        Field(
            description="The value of `X-Notifier-Secret` in its hooks, or the client secret of the app that made them"
        ),
    ] = None
    api_token: Annotated[Secret | None, Field(description="Reads its orders: scope *Orders*, read-only")] = (
        None
    )
    store_hash: Annotated[
        Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_store_hash)] | None,
        Field(description="What names it in its API path, `stores/<this>`"),
    ] = None


class KeysChange(Input):
    """The store's own keys, by mail service and shop platform; null takes away one, or all of a service."""

    sendgrid: SendgridKeys | None = None
    klaviyo: KlaviyoKeys | None = None
    smtp: SmtpKeys | None = None
    shopify: ShopifyKeys | None = None
    woocommerce: WooCommerceKeys | None = None
    bigcommerce: BigCommerceKeys | None = None


class StoreChange(Input):
    """What to change of a store: what is left out stays, and null takes away what was set (RFC 7396)."""

    name: Text | None = None
    sender: Annotated[Mailbox, Field(description="`Name <address>`")] | None = None
    reply_to: Mailbox | None = None
    timezone: Zone | None = None
    locale: LocaleTag | None = None
    country: Country | None = None
    provider: Annotated[
        ProviderName | None, Field(description="Null: the one that this installation uses")
    ] = None
    second_provider: Annotated[
        ProviderName | None, Field(description="Carries while the first has lasting trouble")
    ] = None
    digest_to: Annotated[
        EmailStr | None, Field(description="Gets the daily list of duties; null: nobody does")
    ] = None
    digest_hour: Annotated[
        int | None, Field(ge=0, le=23, description="From which hour on, by the store's clock")
    ] = None
    widget: Annotated[
        Literal["off", "stated", "honest"] | None,
        Field(
            description="What the shop's own pages may say of when goods ship: nothing, the dates entered, or the"
            " likelier range where history contradicts those"
        ),
    ] = None
    brand: BrandChange | None = None
    keys: KeysChange | None = None


class NewTrial(Input):
    """A test email: to whom, and whether through the second account."""

    to: EmailStr
    second: bool = False


def document(changes: Iterable[tuple[str, str | None]]) -> dict[str, Any]:
    """What `StoreChange` is read from, of fields by their path: `brand.accent`.

    ValueError for a path that leads nowhere, or into what is no group of fields.
    """
    whole: dict[str, Any] = {}
    for path, value in changes:
        *parents, name = path.split(".")
        place = whole
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise ValueError(f"{path} stands beside {parent}, of which it is a part")
        if not all((*parents, name)):
            raise ValueError(f"{path!r} is no field; write it like brand.accent")
        place[name] = value
    return whole


def change(
    session: Session, store_id: str, wanted: StoreChange, post: Post, keys: Keyring, now: datetime
) -> Store:
    """Change the store as wanted; Invalid, naming the field, where it could then not send."""
    store = session.get_one(Store, store_id, with_for_update=True, populate_existing=True)
    given = wanted.model_dump(mode="json", include=wanted.model_fields_set & set(SCALARS))
    for name, value in given.items():
        if value is None and name in NEEDED:
            raise _invalid(f"/{name}", "can be changed, but not taken away")
    if "timezone" in given and given["timezone"] != store.timezone:
        policies.plan_all_again(session, store_id, now)
    store.sqlmodel_update(given)
    if store.widget != "off" and store.widget_key is None:
        store.widget_key = new_widget_key()
    if "brand" in wanted.model_fields_set:
        store.brand = _merged(store.brand, wanted.brand)
    session.add(store)
    if "keys" in wanted.model_fields_set:
        for provider in sorted(wanted.keys.model_fields_set if wanted.keys else keyring.FIELDS):
            given_keys = _given(provider, getattr(wanted.keys, provider, None))
            keys.keep(session, store_id, provider, given_keys, now)
    if {"provider", "second_provider", "keys"} & wanted.model_fields_set:
        _check_choice(session, store, post)
    session.flush()
    return store


def _merged(brand: Mapping[str, Any], wanted: BrandChange | None) -> dict[str, Any]:
    if wanted is None:
        return {}
    merged = {**brand, **wanted.model_dump(mode="json", exclude_unset=True)}
    return {name: value for name, value in merged.items() if value is not None}


def _given(provider: str, wanted: Input | None) -> dict[str, str | None]:
    if wanted is None:
        return dict.fromkeys(keyring.FIELDS[provider])
    return {
        field: value.get_secret_value() if isinstance(value, SecretStr) else value and str(value)
        for field, value in wanted.model_dump(exclude_unset=True).items()
    }


def _check_choice(session: Session, store: Store, post: Post) -> None:
    """Both mail services must be such that an email can be tried, and two."""
    first = store.provider or post.default_provider
    if store.second_provider == first:
        detail = f"must be another than the first, which is {first!r}; null means none"
        raise _invalid("/second_provider", detail)
    own = accounts.keys_of(session, store.id)
    for field, provider in (("provider", first), ("second_provider", store.second_provider)):
        if provider is None or (provider in own and own[provider].account):
            continue
        try:
            post.provider_for(provider)
        except Misconfigured as error:
            opener = keyring.FIELDS.get(provider, ("",))[0]
            needs = f"{provider!r} needs keys.{provider}.{opener}, or for all stores: {error.detail}"
            raise _invalid(f"/{field}", needs) from None


def _invalid(pointer: str, detail: str) -> Invalid:
    return Invalid(f"{pointer.strip('/').replace('/', '.')}: {detail}", (Fault(pointer, detail),))
