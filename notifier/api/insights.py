"""How a store stands, and what its delays cost."""

from typing import Annotated

from fastapi import APIRouter, Query

from notifier import fields
from notifier.api import insight_shapes as shapes
from notifier.api.deps import CallDep
from notifier.domain.message import Kind, Status
from notifier.insights import Insights, Money, Worth, insights

router = APIRouter(prefix="/v1/insights", tags=["insights"])


@router.get("", operation_id="get_insights", response_model=shapes.InsightsShape)
def get_insights(
    call: CallDep,
    first: Annotated[
        fields.Day | None, Query(alias="from", description="First day; 90 days before `to` if left out")
    ] = None,
    last: Annotated[fields.Day | None, Query(alias="to", description="Last day; today if left out")] = None,
) -> shapes.InsightsShape:
    """What waits now, by SKU and age, and what falls due; and of a period: how dates slipped, what was cancelled within
    a week of word of a delay, who chose to keep waiting, and what became of emails. Days are the store's.
    """
    with call.reading() as work:
        return _shown(insights(work.session, work.store, work.now, first, last))


def _shown(it: Insights) -> shapes.InsightsShape:
    return shapes.InsightsShape(
        first=it.first,
        last=it.last,
        waiting=_worth(it.waiting),
        waiting_by_sku=[
            shapes.WaitingSku(
                sku=one.sku, name=one.name, allocated=one.allocated, **_worth(one.worth).model_dump()
            )
            for one in it.by_sku
        ],
        age=[
            shapes.AgeBucket(from_days=age.over, to_days=age.to, **_worth(age.worth).model_dump())
            for age in it.ages
        ],
        slips=[
            shapes.SkuSlips(
                sku=one.sku,
                later=one.later,
                days_later=one.days,
                most_days=one.most,
                earlier=one.earlier,
                lost=one.lost,
                lines=one.lines,
                missed=one.missed,
                dates=one.dates,
            )
            for one in it.slips
        ],
        slips_by_supplier=[
            shapes.SupplierSlips(
                supplier=one.supplier,
                later=one.later,
                days_later=one.days,
                most_days=one.most,
                earlier=one.earlier,
                lost=one.lost,
                shipments=one.shipments,
                missed=one.missed,
                dates=one.dates,
            )
            for one in it.supplier_slips
        ],
        lost_after_delay=shapes.LostSales(
            delay_emails=it.lost.emails,
            total=_worth(it.lost.worth),
            by_customer=_worth(it.lost.by_customer),
            by_sku=[shapes.LostSku(sku=sku, **_worth(worth).model_dump()) for sku, worth in it.lost.by_sku],
        ),
        answers=shapes.Answers(
            kept_orders=it.kept_orders,
            kept_customers=it.kept_customers,
            cancelled_orders=it.chose_to_cancel,
        ),
        emails=shapes.EmailFigures(
            sent=it.emails.sent,
            orders=it.emails.orders,
            per_order=None if it.emails.per_order is None else f"{it.emails.per_order:f}",
            by_kind={Kind(kind): count for kind, count in it.emails.by_kind.items()},
            by_status={Status(status): count for status, count in it.emails.by_status.items()},
            not_sent={Status(status): count for status, count in it.emails.not_sent.items()},
        ),
        deadlines=[shapes.Deadline(duty=task, due=due, lines=lines) for task, due, lines in it.deadlines],
    )


def _worth(worth: Worth) -> shapes.Worth:
    return shapes.Worth(
        orders=worth.orders, units=worth.units, value=_money(worth.value), unpriced=worth.unpriced
    )


def _money(value: Money) -> list[shapes.Sum]:
    return [shapes.Sum(amount=f"{amount:f}", currency=currency) for currency, amount in value.items()]
