"""What the API answers about SKUs: dates that move, goods that arrived, goods on their way."""

from datetime import date, datetime

from pydantic import Field

from notifier.api.date_shapes import DateAdvice
from notifier.api.problems import is_none
from notifier.api.shapes import Amount, Shape
from notifier.domain.inbound import Stage
from notifier.domain.message import Kind
from notifier.domain.supply import Rule


class SampleEmail(Shape):
    """One of the emails that the change makes, as it would be now."""

    backorder_id: str
    order_id: str
    kind: Kind
    due_at: datetime
    to: str
    subject: str | None
    html: str | None
    text: str | None
    fault: str | None = Field(description="Why it does not render")


class MustAnswer(Shape):
    """The orders that end unless their customers say yes by a day."""

    answer_by: date
    backorders: int
    first: list[str] = Field(description="Ids of the first twenty")


class ChangeRadius(Shape):
    """What a new estimate makes happen."""

    backorders: int = Field(description="How many orders move")
    messages: dict[Kind, int] = Field(description="How many emails come of it, by kind")
    needs_consent: int = Field(description="How many customers must say yes, or their order ends")
    must_answer: list[MustAnswer] = Field(description="Who they are, by the last day on which a yes counts")
    value_at_risk: list[Amount] = Field(
        description="What the units that slip are worth, where prices are known"
    )
    samples: list[SampleEmail]
    advice: list[DateAdvice] | None = Field(
        None, description="Only where the history of the SKU contradicts the date", exclude_if=is_none
    )


class SkuChangeProgress(Shape):
    """A large change: how far it is."""

    id: str
    sku: str
    shipment_id: str | None = Field(
        description="The inbound shipment whose lines it moves; null for all lines"
    )
    eta: date | None
    eta_earliest: date | None
    reason: str | None
    total: int = Field(description="How many orders move")
    done: int
    started_at: datetime
    finished_at: datetime | None


# --- goods that arrived ----------------------------------------------------------------------------------


class Share(Shape):
    backorder_id: str
    quantity: int
    still_waiting: int


class RuleOutcome(Shape):
    """What one rule makes of the goods."""

    allocated: list[Share]
    left_over: int = Field(description="Units that nobody waits for")
    filled: int = Field(description="How many orders lack nothing of the SKU any more")
    messages: dict[Kind, int] = Field(description="Emails that come of it, by kind")
    stopped: dict[Kind, int] = Field(description="Planned emails that go no more, by kind")
    value_freed: list[Amount] = Field(description="What can ship now, where prices are known")


class RestockRules(Shape):
    fifo: RuleOutcome
    fair: RuleOutcome


class RestockResult(Shape):
    """Who gets what of the goods that arrived; with `dry_run`, who would."""

    allocated: list[Share]
    left_over: int = Field(description="Units that nobody waits for")
    rules: RestockRules | None = Field(
        None, description="Only with `dry_run`: what either rule would do", exclude_if=is_none
    )


class RestockProgress(Shape):
    """Goods that arrived for very many orders, or while others of the SKU are still being set aside: how far it is."""

    id: str
    sku: str
    shipment_id: str | None = Field(description="The inbound shipment that brought them")
    rule: Rule
    quantity: int
    total: int = Field(
        description="How many orders get units, as far as can be foreseen; counted again when their turn comes"
    )
    done: int = Field(description="How many have got theirs")
    units: int = Field(description="How many units are set aside by now")
    left_over: int | None = Field(description="Units that nobody waits for; null until it is finished")
    started_at: datetime
    finished_at: datetime | None


# --- goods on their way ----------------------------------------------------------------------------------


class InboundLine(Shape):
    sku: str
    quantity: int
    covered: int = Field(description="Units of it that lines of orders wait for")
    backorders: int = Field(description="How many orders wait for it")


class ArrivedSku(Shape):
    sku: str
    allocated: list[Share]
    left_over: int


class InboundEffect(ChangeRadius):
    """What a shipment, or a change of it, makes happen: dates that move, or units that are set aside."""

    restocked: list[ArrivedSku] = Field(description="When it arrives: who gets what, by SKU")
    stopped: dict[Kind, int] = Field(description="When it would arrive: planned emails that go no more")
    value_freed: list[Amount] = Field(description="When it would arrive: what can ship then")


class InboundShipment(Shape):
    """Goods on their way."""

    id: str
    reference: str
    supplier: str | None
    supplier_eta: date | None = Field(
        description="The date that its supplier named, or else the first one that was named for it: what its supplier's"
        " record is reckoned from"
    )
    stage: Stage
    eta: date | None
    eta_earliest: date | None
    reason: str | None
    lines: list[InboundLine]
    moving: list[SkuChangeProgress] = Field(description="Moves of very many orders that still go on")
    restocking: list[RestockProgress] = Field(
        description="How far its units are set aside, once it has arrived, where they are for very many orders"
    )
    effect: InboundEffect | None = Field(
        description="What this call made happen; null where it asked for nothing, or for too much to tell at once"
    )
    created_at: datetime
    arrived_at: datetime | None


class InboundWaiter(Shape):
    """A line that waits for the shipment."""

    backorder_id: str
    order_id: str
    sku: str
    quantity: int
    eta: date | None = Field(description="What its customer is told; the latest of its shares' dates")
