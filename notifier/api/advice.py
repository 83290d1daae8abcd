"""From what history says to what the API answers."""

from collections.abc import Iterable, Mapping

from notifier.advising import Advice, History, because
from notifier.api import date_shapes, shapes
from notifier.domain.eta import Eta
from notifier.domain.hindsight import Outlook

Contradicted = Mapping[tuple[str, Eta], Advice]


def shown(advice: Iterable[Advice]) -> list[date_shapes.DateAdvice]:
    return [
        date_shapes.DateAdvice(
            sku=it.sku,
            entered=_range(it.entered),
            suggested=_range(it.suggestion.eta),
            because=because(it),
            supplier=it.supplier,
            evidence=_outlook(it.suggestion.outlook),
            reckoned_from=it.suggestion.origin,
        )
        for it in advice
    ]


def entered(order: shapes.Backorder, skus: Iterable[str] | None = None) -> list[tuple[str, Eta]]:
    """The dates of an order's lines; with `skus`, of those."""
    wanted = None if skus is None else set(skus)
    return [
        (line.sku, Eta(line.eta, line.eta_earliest))
        for line in order.lines
        if wanted is None or line.sku in wanted
    ]


def added(
    order: shapes.Backorder, dates: Iterable[tuple[str, Eta]], contradicted: Contradicted
) -> shapes.Backorder:
    """The order with what history says of these dates of it, if it says anything."""
    found = [contradicted[date] for date in dates if date in contradicted]
    return order.model_copy(update={"advice": shown(found)}) if found else order


def history(sku: str, found: History) -> date_shapes.SkuHistory:
    return date_shapes.SkuHistory(
        sku=sku,
        outlook=_outlook(found.outlook) if found.outlook else None,
        dates=[
            date_shapes.PastDate(named=it.origin, shipped=it.shipped, days_late=it.late, units=it.units)
            for it in found.outcomes
        ],
        moves=[
            date_shapes.PastMove(at=it.at, named=it.named, became=it.became, days=it.days, lines=it.lines)
            for it in found.moves
        ],
    )


def _outlook(found: Outlook) -> date_shapes.Outlook:
    return date_shapes.Outlook(
        observations=found.observations,
        dates=found.dates,
        late=found.late,
        likely_days=found.likely,
        safe_days=found.safe,
        since=found.since,
    )


def _range(eta: Eta) -> date_shapes.DateRange:
    if eta.latest is None:
        raise ValueError("advice is given of dates only")
    return date_shapes.DateRange(eta=eta.latest, eta_earliest=eta.earliest)
