"""How the store stands, and what its delays cost: figures, and plots of them with a table behind each."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query

from notifier.db.engine import reading
from notifier.db.tables import Store
from notifier.errors import Invalid
from notifier.insights import Age, Insights, Money, Worth, insights
from notifier.pages import plain
from notifier.pages.html import Page, PageRoute
from notifier.pages.plots import bars
from notifier.pages.session import SignedIn

SHOWN = 10
"""Bars of a plot; the table behind it has more."""

DUTIES = {
    "notice": "Tell the customer of the delay, or ship",
    "answer": "Have the customer’s answer, or ship",
    "cancel": "Cancel",
    "refund": "Send the money back",
}

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Entered = Annotated[str, Query(max_length=20)]


@router.get("/console/insights")
def insights_page(
    visit: SignedIn, first: Annotated[str, Query(alias="from", max_length=20)] = "", to: Entered = ""
) -> Page:
    """A period that makes no sense is said, and the usual one is shown."""
    problem = ""
    with reading(visit.services.engine) as session:
        store = session.get_one(Store, visit.store_id)
        try:
            found = insights(session, store, visit.now, _day(first, "From"), _day(to, "To"))
        except Invalid as error:
            problem = error.detail
            found = insights(session, store, visit.now)
    values = {
        "it": found,
        "problem": problem,
        "entered_first": first if problem else "",
        "entered_last": to if problem else "",
        "duty_names": DUTIES,
    }
    return visit.page("insights.html", values | _plots(found), 422 if problem else 200)


def _day(entered: str, name: str) -> date | None:
    try:
        day = date.fromisoformat(entered) if entered else None
    except ValueError:
        raise Invalid(f"{name}: {entered!r} is not a date like 2026-12-31.") from None
    if day and not 2000 <= day.year < 2100:
        raise Invalid(f"{name}: {entered} is not between 2000 and 2100.")
    return day


def _plots(it: Insights) -> dict[str, Any]:
    """For each plot its bars, what it shows in words, and the rows of its table."""
    waiting = [(one.sku, one.worth) for one in it.by_sku]
    ages = [(_age(age), age.worth) for age in it.ages]
    kinds = plain.by_kind(it.emails.by_kind.items())
    states = [
        (plain.message_state(status).text, count)
        for status, count in (*it.emails.by_status.items(), *it.emails.not_sent.items())
    ]
    return {
        "waiting_bars": bars((sku, worth.units, f"{worth.units:,} units") for sku, worth in waiting[:SHOWN]),
        "waiting_about": _most("units", [(sku, worth.units) for sku, worth in waiting]),
        "waiting_rows": [_row(one.sku, one.worth, f"{one.allocated:,}") for one in it.by_sku],
        "age_bars": bars((name, worth.orders, f"{worth.orders:,} orders") for name, worth in ages),
        "age_about": _most("orders", [(name, worth.orders) for name, worth in ages]),
        "age_rows": [_row(name, worth) for name, worth in ages],
        "slips_bars": bars(
            (one.sku, one.days, f"{one.later} × later, {one.days:,} days")
            for one in sorted(it.slips, key=lambda one: -one.days)[:SHOWN]
        ),
        "slips_about": _most("days", [(one.sku, one.days) for one in it.slips]),
        "slips_rows": [
            (
                one.sku, one.later, f"{one.days:,}", one.most, one.lost, one.earlier,
                "–" if one.dates is None else f"{one.missed} of {one.dates}",
            )
            for one in it.slips
        ],
        "suppliers_bars": bars(
            (one.supplier, one.days, f"{one.later} × later, {one.days:,} days")
            for one in sorted(it.supplier_slips, key=lambda one: -one.days)[:SHOWN]
        ),
        "suppliers_about": _most("days", [(one.supplier, one.days) for one in it.supplier_slips]),
        "suppliers_rows": [
            (
                one.supplier, one.shipments, one.later, f"{one.days:,}", one.most, one.lost, one.earlier,
                "–" if one.dates is None else f"{one.missed} of {one.dates}",
            )
            for one in it.supplier_slips
        ],
        "lost_bars": bars(
            (sku, worth.units, f"{worth.units:,} units") for sku, worth in it.lost.by_sku[:SHOWN]
        ),
        "lost_about": _most("units", [(sku, worth.units) for sku, worth in it.lost.by_sku]),
        "lost_rows": [_row(sku, worth) for sku, worth in it.lost.by_sku],
        "kind_bars": bars((name, count, f"{count:,}") for name, count in kinds),
        "kind_about": _most("emails", kinds),
        "mail_bars": bars((name, count, f"{count:,}") for name, count in states),
        "mail_about": _most("emails", states),
        "mail_rows": [(name, f"{count:,}") for name, count in (*kinds, *states)],
    }  # fmt: skip


def _most(unit: str, rows: Sequence[tuple[str, int]]) -> str:
    """What a plot shows, for who can't see it; the table behind it has all."""
    if not rows:
        return "Nothing to show."
    name, count = max(rows, key=lambda row: row[1])
    return f"{len(rows)} bars; the longest is {name} with {count:,} {unit}. The table below has every figure."


def _age(age: Age) -> str:
    return f"{age.over} days and more" if age.to is None else f"{age.over} to {age.to} days"


def _row(name: str, worth: Worth, *more: str) -> tuple[str, ...]:
    return name, f"{worth.orders:,}", f"{worth.units:,}", *more, _money(worth.value)


def _money(value: Money) -> str:
    said: Iterable[str] = (f"{amount:,.2f} {currency}".strip() for currency, amount in value.items())
    return ", ".join(said) or "–"
