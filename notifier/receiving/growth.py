"""An order that has changed at its shop since it was registered: lines under another id, lines that were added."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlmodel import Session

from notifier.db import sku_estimates
from notifier.db.facts import Order
from notifier.db.shop_tables import ShopOrderRow
from notifier.db.sku_estimates import Stated
from notifier.db.tables import Store
from notifier.domain.policy import local_day
from notifier.errors import Conflict, Fault, Invalid
from notifier.faults import faults
from notifier.growing import Paid, add_lines
from notifier.inputs import NewLines
from notifier.receiving.wishes import checked, lines, there
from notifier.shops import ShopLine, ShopOrder


def called_anew(row: ShopOrderRow, told: ShopOrder) -> None:
    """A platform may make a line again when an order is edited: it is the same under another id, where one is gone."""
    here = {line.ref for line in told.lines}
    gone = {sku: ref for ref, sku in row.ours.items() if ref not in here}
    known = {*row.ours, *(row.others or ())}
    for line in told.lines:
        if line.ref not in known and line.sku in gone:
            before = gone.pop(line.sku)
            row.ours = {ref: sku for ref, sku in row.ours.items() if ref != before} | {line.ref: line.sku}


def grow(
    session: Session, store_row: Store, row: ShopOrderRow, told: ShopOrder, order: Order, now: datetime
) -> tuple[list[str], str]:
    """Add to the order what was added to it at the shop: what came of it, and a remark on what could not be."""
    today = local_day(now, ZoneInfo(store_row.timezone))
    stated = sku_estimates.stated(session, store_row.id, {line.sku for line in told.lines}, today)
    fresh = [] if told.ended or told.not_yet else [it for it in told.lines if _is_new(it, row, stated)]
    has = {it.sku for it in order.lines}
    more = Counter[str]()
    for line in fresh:
        if line.sku in has:
            more[line.sku] += line.open
    added = [line for line in fresh if line.sku not in has]
    notes: list[str] = []
    remark = f"; not taken up, as the order has a line of it already: {_in_words(more)}" if more else ""
    wrong: set[str] = set()
    if added:
        row.whole = row.whole and {*row.ours, *(it.ref for it in added)} >= {it.ref for it in told.lines}
        try:
            _add(session, row, told, added, stated, now)
        except (Invalid, Conflict) as error:  # what else the order tells must not wait for that
            fault = error.faults[0] if error.faults else Fault("", error.detail)
            remark += f"; an added line is not taken up: {fault.pointer or 'the order'}: {fault.detail}"
            wrong = {line.ref for line in added}
        else:
            row.ours = {**row.ours, **{line.ref: line.sku for line in added}}
            units = Counter[str]()
            for line in added:
                units[line.sku] += line.open
            notes = [f"added {_in_words(units)}"]
    row.others = [it.ref for it in told.lines if it.ref not in row.ours and it.ref not in wrong]
    row.whole = row.whole and not row.others
    return notes, remark


def _is_new(line: ShopLine, row: ShopOrderRow, stated: Mapping[str, Stated]) -> bool:
    """Whether it is a backorder that the order did not have. One that was in stock once stays so."""
    if not line.open or line.ref in row.ours:
        return False
    if line.waits is None:
        return row.others is not None and line.ref not in row.others and line.sku in stated
    return line.waits


def _add(
    session: Session,
    row: ShopOrderRow,
    told: ShopOrder,
    added: Sequence[ShopLine],
    stated: Mapping[str, Stated],
    now: datetime,
) -> None:
    """Raises Invalid, pointing into the platform's document, and Conflict."""
    entries, pointers = lines(told, added, stated)
    try:
        new = NewLines.model_validate({"lines": entries})
        add_lines(
            session, row.store_id, row.backorder_id or "", new.lines, told.changed_at, now, _paid(row, told)
        )
    except ValidationError as error:
        found = tuple(Fault(there(it.pointer, pointers), it.detail) for it in faults(error))
        raise Invalid(found[0].detail, found) from None
    except Invalid as error:
        found = tuple(Fault(there(it.pointer, pointers), it.detail) for it in error.faults)
        raise Invalid(error.detail, found) from None


def _paid(row: ShopOrderRow, told: ShopOrder) -> Paid | None:
    """What was paid for all of it, where all of it is the backorder and nothing went back."""
    total: Decimal | None = checked("money", told.paid)
    if not row.whole or total is None or told.refunds:
        return None
    return Paid(total, checked("money", told.shipping))


def _in_words(units: Counter[str]) -> str:
    return ", ".join(f"{count} × {sku}" for sku, count in sorted(units.items()))
