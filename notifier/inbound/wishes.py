"""What people hand in about goods on their way."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from notifier.domain.inbound import Stage
from notifier.fields import Day, LongText, Supplier, Text, Units
from notifier.inputs import MAX_LINES, Input, WithEta


class InboundContent(Input):
    sku: Text
    quantity: Units


Contents = Annotated[list[InboundContent], Field(min_length=1, max_length=MAX_LINES)]


def _each_once(lines: list[InboundContent]) -> None:
    seen: set[str] = set()
    for number, line in enumerate(lines):
        if line.sku in seen:
            raise ValueError(
                f"lines/{number}/sku: {line.sku!r} stands twice; add the quantities up in one line"
            )
        seen.add(line.sku)


class NewInbound(WithEta):
    """Goods that a store expects; `eta` null means that nobody can say when."""

    reference: Text
    supplier: Supplier | None = None
    supplier_eta: Day | None = None
    """The date that the supplier named, where the store expects another one; its record is reckoned from it."""
    lines: Contents
    eta: Day | None = Field(...)
    stage: Stage = Stage.ORDERED
    reason: LongText | None = None
    dry_run: bool = False
    confirm: bool = False
    """The second yes, for what would send more than `max_messages_per_change`."""

    @model_validator(mode="after")
    def _skus(self) -> Self:
        _each_once(self.lines)
        return self

    @property
    def quantities(self) -> dict[str, int]:
        return {line.sku: line.quantity for line in self.lines}


class InboundChange(WithEta):
    """What to change of a shipment; what is left out stays. A new `eta` takes its own range and reason along."""

    reference: Text | None = None
    supplier: Supplier | None = None
    lines: Contents | None = None
    stage: Stage | None = None
    reason: LongText | None = None
    dry_run: bool = False
    confirm: bool = False

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set - {"dry_run", "confirm"}:
            raise ValueError("nothing to change; send eta, stage, lines, reason, supplier or reference")
        _each_once(self.lines or [])
        return self

    @property
    def moves(self) -> bool:
        """Whether it says when the goods come."""
        return "eta" in self.model_fields_set
