"""What a template may say: the facts of one email as plain values, spelled out in the customer's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypeVar

from babel import Locale

from notifier.domain.eta import UNKNOWN, Eta
from notifier.domain.inbound import Stage
from notifier.domain.message import CHANGE_OF_DATE, STREAMS, Kind, Said
from notifier.domain.order import Cancellation, Facts, Line, Refund, Shipment, baseline
from notifier.domain.policy import local_day
from notifier.words import language
from notifier.words.brand import Voice, font_stack
from notifier.words.colour import theme
from notifier.words.markup import json_ld

Value = dict[str, Any]
Event = TypeVar("Event", Shipment, Cancellation, Refund)

COMPARED = CHANGE_OF_DATE | {Kind.WAITING}
"""What says how a date differs from what the customer knows, or that it does not."""

ORDER_IN_SUBJECT = 10
"""Longer order numbers are cut to their end in subjects, which should fit in 78 characters with two dates."""


@dataclass(frozen=True)
class Shop:
    """What emails say of the shop, as `BrandChange` checks it.

    `accent` is a hex colour, `address` its postal address, `font` names as `brand.fonts` reads them; `socials` are the
    `name` and `url` of each of its pages elsewhere.
    """

    name: str
    website: str | None = None
    logo_url: str | None = None
    accent: str | None = None
    address: str = ""
    support_email: str | None = None
    voice: Voice = "plain"
    font: str | None = None
    socials: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True)
class Links:
    """Absolute, signed addresses of the customer's page. Opening one changes nothing."""

    order: str
    keep: str
    cancel: str
    unsubscribe: str
    preferences: str
    calendar: str


def variables(
    facts: Facts,
    kind: Kind,
    says: Mapping[str, Said],
    about: str,
    shop: Shop,
    links: Links,
    now: datetime,
    law: str,
) -> Value:
    """The variables of one email, as JSON values: what templates arrange, and Klaviyo's event properties.

    `says` holds the news by line id; `about` is the id of the shipment, cancellation or refund that caused the email.
    `now` is aware; days are counted in the customer's zone. `law` is the one that rules the order, as
    `domain.policy.jurisdiction` chooses it. KeyError when the order has no such line,
    shipment, cancellation or refund.
    """
    locale = language.speak(facts.customer.locale, facts.customer.country)
    parcel = _found(facts.shipments, about) if kind is Kind.SHIPPED else None
    cancellation = _found(facts.cancellations, about) if kind is Kind.CANCELLED else None
    refund = _found(facts.refunds, about) if kind is Kind.REFUND else None
    moved = parcel or cancellation
    news = [] if moved or refund else _news(facts, kind, says, about, locale)
    if moved:
        lines = [
            _line(facts.line(key), units, facts.line(key).eta, locale) for key, units in moved.units.items()
        ]
    elif refund:
        off = [facts.line(key) for key in says if facts.line(key).cancelled]
        lines = [_line(line, line.cancelled, line.eta, locale) for line in off]
    else:
        lines = [line for group in news for line in group["lines"]]
    later = [
        _line(line, line.waiting, says[line.id].eta if line.id in says else line.eta, locale)
        for line in facts.waiting_lines
        if moved or refund or line.id not in says
    ]
    progress = [(said.stage, facts.line(id_)) for id_, said in says.items() if said.stage]
    words = [said.next_word for said in says.values() if said.next_word]
    answers = [group["answer_by"] for group in news if group["answer_by"]]
    result = {
        "kind": kind.value,
        "lang": language.tag(locale),
        "dir": locale.text_direction,
        "today": local_day(now, facts.customer.zone).isoformat(),
        "stream": STREAMS[kind].value,
        "shop": _shop(shop),
        "theme": looks(shop),
        "customer": {"name": _clean(facts.customer.name), "email": facts.customer.email},
        "order": _order(facts, locale),
        "links": {**vars(links)},
        "news": news,
        "answer_by": min(answers, key=lambda day: day["iso"], default=None),
        "next_word": _day(min(words), locale) if words else None,
        "progress": _progress(progress, locale) if progress else None,
        "card": _card(facts, locale, now) if kind is Kind.PAYMENT else None,
        "days_left": _days_left(says, local_day(now, facts.customer.zone)),
        "lines": lines,
        "later": later,
        "waiting": bool(facts.waiting_lines),
        "related": _related(facts, says),
        "parcel": _parcel(parcel, facts, locale) if parcel else None,
        "cancellation": _cancellation(cancellation, facts, locale) if cancellation else None,
        "refund": _refund(refund, facts, locale) if refund else None,
        "law": law,
    }
    result["json_ld"] = json_ld(result)
    return result


def looks(shop: Shop) -> Value:
    """The colours and letters of its emails."""
    return {**vars(theme(shop.accent)), "font": font_stack(shop.font)}


def in_locale(facts: Facts, locale: str) -> Facts:
    """The same facts, as if the customer read that language: for previews."""
    return replace(facts, customer=replace(facts.customer, locale=locale))


def _news(facts: Facts, kind: Kind, says: Mapping[str, Said], about: str, locale: Locale) -> list[Value]:
    """Lines that share a date, its reason and their place in law are one piece of news; the nearest first."""
    before = facts
    if (
        kind in COMPARED
    ):  # which says what the customer was told before this very email, seen again or retried
        others = (m for m in facts.messages if (m.kind, m.says, m.about) != (kind, says, about))
        before = replace(facts, messages=tuple(others))
    groups: dict[tuple[Eta, Eta, str | None, str | None, date | None, bool], list[Line]] = {}
    for line_id, said in says.items():
        line = facts.line(line_id)
        was = baseline(before, line) if kind in COMPARED else UNKNOWN
        key = (said.eta, was, line.eta_reason, said.notice, said.answer_by, said.further)
        groups.setdefault(key, []).append(line)
    return [
        {
            "eta": _eta(eta, locale),
            "was": _eta(was, locale) if was.known and was != eta else None,
            "reason": _reason(reason),
            "notice": notice,
            "answer_by": _day(answer_by, locale) if answer_by else None,
            "further": further,
            "lines": [_line(line, line.waiting, eta, locale) for line in lines],
            "names": language.spell_list(tuple(_clean(line.name) for line in lines), locale),
        }
        for (eta, was, reason, notice, answer_by, further), lines in sorted(
            groups.items(), key=lambda item: item[0][0].latest or date.max
        )
    ]


def _shop(shop: Shop) -> Value:
    return {
        **vars(shop),
        "website": _web(shop.website),
        "logo_url": _web(shop.logo_url),
        "socials": [{**page} for page in shop.socials if _web(page["url"])],
    }


def _found(events: Sequence[Event], about: str) -> Event:
    for event in events:
        if event.id == about:
            return event
    raise KeyError(f"no shipment, cancellation or refund {about!r} in this order")


@lru_cache(maxsize=8192)
def _day(day: date, locale: Locale) -> Value:
    """One value for all who ask: read it only."""
    return {
        "iso": day.isoformat(),
        "text": language.spell(day, locale),
        "short": language.spell_short(day, locale),
    }


@lru_cache(maxsize=8192)
def _eta(eta: Eta, locale: Locale) -> Value:
    """A range is written as one; a date that nobody knows has no text. One value for all who ask: read it only."""
    days = [_day(day, locale) for day in (eta.earliest, eta.latest) if day]
    return {
        "known": eta.known,
        "earliest": days[0]["iso"] if days else None,
        "latest": days[-1]["iso"] if days else None,
        "text": " – ".join(day["text"] for day in days) or None,
        "until": days[-1]["text"] if days else None,
        "short": " – ".join(day["short"] for day in days) or None,
    }


def _line(line: Line, units: int, eta: Eta, locale: Locale) -> Value:
    return {
        "sku": line.sku,
        "name": _clean(line.name),
        "quantity": units,
        "image_url": _web(line.image_url),
        "product_url": _web(line.product_url),
        "eta": _eta(eta, locale),
        "reason": _reason(line.eta_reason),
        "highlights": [_clean(text) for text in line.highlights],
    }


def _order(facts: Facts, locale: Locale) -> Value:
    number = _clean(facts.order_id)
    return {
        "id": number,
        "short": number if len(number) <= ORDER_IN_SUBJECT else "…" + number[1 - ORDER_IN_SUBJECT :],
        "placed": _day(local_day(facts.placed_at, facts.customer.zone), locale),
        "status": facts.status.value,
        "currency": facts.currency,
        "url": _web(facts.order_url),
    }


def _parcel(shipment: Shipment, facts: Facts, locale: Locale) -> Value:
    return {
        "carrier": _clean(shipment.carrier),
        "tracking_number": _clean(shipment.tracking_number),
        "tracking_url": _web(shipment.tracking_url),
        "shipped": _day(local_day(shipment.at, facts.customer.zone), locale),
    }


def _cancellation(cancellation: Cancellation, facts: Facts, locale: Locale) -> Value:
    prices = [(facts.line(key).unit_price, units) for key, units in cancellation.units.items()]
    known = [price * units for price, units in prices if price is not None]
    amount = (
        language.spell_money(sum(known[1:], known[0]), facts.currency, locale)
        if facts.currency and known and len(known) == len(prices)
        else None
    )
    return {
        "by": cancellation.by,
        "reason": _reason(cancellation.reason),
        "on": _day(local_day(cancellation.at, facts.customer.zone), locale),
        "moment": language.spell_moment(cancellation.at, facts.customer.zone, locale),
        "amount": amount,
    }


def _refund(refund: Refund, facts: Facts, locale: Locale) -> Value:
    return {
        "amount": language.spell_money(refund.amount, refund.currency, locale),
        "currency": refund.currency,
        "method": _clean(refund.method) or None,
        "on": _day(local_day(refund.at, facts.customer.zone), locale),
    }


def _progress(reached: Sequence[tuple[Stage, Line]], locale: Locale) -> Value:
    """Where goods have come to; planning tells one stage at a time."""
    names = tuple(_clean(line.name) for _, line in reached)
    return {"stage": reached[0][0].value, "names": language.spell_list(names, locale)}


def _card(facts: Facts, locale: Locale, now: datetime) -> Value | None:
    if facts.card is None:
        return None
    return {
        "expires": f"{facts.card.last_day:%Y-%m}",
        "month": language.spell_month(facts.card.last_day, locale),
        "over": local_day(now, facts.customer.zone) > facts.card.last_day,
        "update_url": _web(facts.card.update_url),
    }


def _days_left(says: Mapping[str, Said], today: date) -> int | None:
    """Whole days until the nearest date told; None when no date is known."""
    dates = [said.eta.latest for said in says.values() if said.eta.latest]
    return max((min(dates) - today).days, 0) if dates else None


def _related(facts: Facts, says: Mapping[str, Said]) -> list[Value]:
    found = {
        item.url: {"name": _clean(item.name), "url": _web(item.url), "image_url": _web(item.image_url)}
        for line_id in says
        for item in facts.line(line_id).related
        if _web(item.url)
    }
    return list(found.values())[:3]


def _clean(text: str) -> str:
    """On one line and without control characters, which mail clients show as boxes."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c in _JOINERS else " " for c in text)
    return " ".join(text.split())


_JOINERS = "\u200c\u200d"
"""Not printable by Python's book, but part of how Persian words and family emoji are written."""


def _reason(text: str | None) -> str | None:
    """Without a last full stop, because templates end the sentence."""
    return _clean(text or "").rstrip(".") or None


def _web(url: str | None) -> str | None:
    """Only what a browser opens as a page; `javascript:` and its like never become a link."""
    return url if url and url.startswith(("https://", "http://")) else None
