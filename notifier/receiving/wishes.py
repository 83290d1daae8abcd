"""What a platform told of an order, as what people hand in: the same shapes, with the same checks."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from notifier.db.sku_estimates import Stated
from notifier.errors import Fault, Invalid
from notifier.faults import faults
from notifier.fields import Country, Currency, LocaleTag, Money, Url
from notifier.inputs import NewBackorder
from notifier.shops import Buyer, ShopLine, ShopOrder
from notifier.zones import zone_of

_CHECKS: Mapping[str, TypeAdapter[Any]] = {
    "locale": TypeAdapter(LocaleTag),
    "country": TypeAdapter(Country),
    "currency": TypeAdapter(Currency),
    "money": TypeAdapter(Money),
    "url": TypeAdapter(Url),
}


def backorder(
    told: ShopOrder, ours: Sequence[ShopLine], stated: Mapping[str, Stated], *, whole: bool
) -> tuple[dict[str, Any], dict[str, str]]:
    """The document of a NewBackorder, and where its parts stand in the platform's."""
    currency = checked("currency", told.currency)
    entries, pointers = lines(told, ours, stated)
    pointers |= {"/customer/email": told.email_at}
    document = {
        "order_id": told.order_id,
        "placed_at": told.placed_at,
        "currency": currency,
        "order_url": checked("url", told.order_url),
        "customer": customer(told.buyer),
        "lines": entries,
    }
    # What was paid is known of the backorder only where it is the whole order, of which nothing has happened yet.
    if (
        whole
        and currency
        and told.paid
        and not told.refunds
        and all(line.open == line.quantity for line in ours)
    ):
        paid = {"paid": checked("money", told.paid), "shipping": checked("money", told.shipping)}
        document["payment"] = given(paid)
    return given(document), pointers


def lines(
    told: ShopOrder, ours: Sequence[ShopLine], stated: Mapping[str, Stated]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The documents of these lines, one for each SKU, and where their parts stand in the platform's."""
    pointers = {"/lines": ours[0].at.rpartition("/")[0]}
    entries: dict[str, dict[str, Any]] = {}
    currency = checked("currency", told.currency)
    for line in ours:
        if line.sku in entries:  # the same goods twice: with two dates, the later counts
            entry = entries[line.sku]
            entry["quantity"] += line.open
            if str(line.words.get("eta", "")) > str(entry.get("eta", "")) and "eta" in entry:
                entry["eta"] = line.words["eta"]
            continue
        words: dict[str, Any] = dict(line.words)
        if not words and line.sku in stated:
            date = stated[line.sku]
            words = {"eta": date.eta.latest, "eta_earliest": date.eta.earliest, "reason": date.reason}
        at = f"/lines/{len(entries)}"
        stand = {"promised": line.pointers.get("eta", line.at)} | dict(line.pointers)
        pointers |= {at: line.at} | {f"{at}/{name}": where for name, where in stand.items()}
        price = checked("money", line.unit_price) if currency else None
        entry = {"sku": line.sku, "name": line.name, "quantity": line.open, "unit_price": price}
        entries[line.sku] = given(entry | words)
    return list(entries.values()), pointers


def customer(buyer: Buyer) -> dict[str, Any]:
    country = checked("country", buyer.country)
    return given(
        {
            "email": buyer.email,
            "name": buyer.name or None,
            "locale": checked("locale", buyer.locale),
            "country": country,
            "timezone": zone_of(country, buyer.region),
        }
    )


def valid(document: Mapping[str, Any], pointers: Mapping[str, str]) -> NewBackorder:
    try:
        return NewBackorder.model_validate(document)
    except ValidationError as error:
        found = tuple(Fault(there(it.pointer, pointers), it.detail) for it in faults(error))
    raise Invalid(
        f"the order can't be registered: {found[0].pointer or 'the body'}: {found[0].detail}", found
    )


def there(pointer: str, pointers: Mapping[str, str]) -> str:
    """Where in the platform's document stands what is at `pointer` in ours: itself, or what it is part of."""
    while pointer and pointer not in pointers:
        pointer = pointer.rpartition("/")[0]
    return pointers.get(pointer, "")


def checked(kind: str, value: str | None) -> Any:
    """The value where it is one of its kind, else None: an order is not lost for a currency that nobody knows."""
    try:
        return _CHECKS[kind].validate_python(value) if value else None
    except ValidationError:
        return None


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
