"""What the API answers of a store's sending policy."""

from datetime import datetime

from pydantic import Field

from notifier.api.shapes import Shape
from notifier.domain.effect import How
from notifier.domain.message import Kind
from notifier.policies import Kept, Outlook
from notifier.policy_input import PolicyInput


class PolicyShape(PolicyInput):
    """The sending policy in full. What is read may be put again as it is: `version` then guards it."""

    version: int = Field(description="Grows by one with each change")


class PolicyExample(Shape):
    """An email that changes. `before` and `after` are when it is due; null where it is not planned."""

    backorder_id: str
    order_id: str
    kind: Kind
    before: datetime | None
    after: datetime | None
    why: list[str] = Field(description="The fields of the policy that bring it about")


class PolicyShift(Shape):
    count: int
    examples: list[PolicyExample] = Field(description="Up to ten, each of another order")


class PolicyEffect(Shape):
    """What the policy would do to the emails that are planned. Nothing was changed."""

    summary: str
    warnings: list[str] = Field(description="What is possible, and perhaps not what was meant")
    exact: bool = Field(description="False: every count is estimated from the orders that were looked at")
    orders: int = Field(description="How many orders are open")
    orders_looked_at: int
    before: dict[Kind, int] = Field(description="Planned emails by kind, as the policy is")
    after: dict[Kind, int] = Field(description="And as they would be")
    sends: int = Field(description="Emails added, for `max_messages_per_change`")
    changes: dict[How, PolicyShift]


class PolicyProgress(Shape):
    """How far the open orders have followed this version. `overtaken`: a later change does the rest."""

    total: int
    done: int
    finished_at: datetime | None
    overtaken: bool


class PolicyVersionShape(Shape):
    """One version; to go back to it, put its `policy`."""

    version: int
    at: datetime
    by: str = Field(description="Who set it: which key, or the console")
    changed: list[str] = Field(description="The fields in which it differs from the version before")
    policy: PolicyInput
    orders: PolicyProgress | None = Field(description="Null for the first, which came before any order")


def effect(outlook: Outlook, wanted: PolicyInput) -> PolicyEffect:
    return PolicyEffect(
        summary=outlook.summary,
        warnings=list(wanted.warnings),
        exact=outlook.exact,
        orders=outlook.orders,
        orders_looked_at=outlook.looked_at,
        before=dict(outlook.before),
        after=dict(outlook.after),
        sends=outlook.sends,
        changes={
            how: PolicyShift(
                count=count,
                examples=[
                    PolicyExample(
                        backorder_id=it.backorder_id,
                        order_id=it.order_id,
                        kind=it.shift.kind,
                        before=it.shift.before,
                        after=it.shift.after,
                        why=list(it.why),
                    )
                    for it in outlook.examples.get(how, ())
                ],
            )
            for how, count in outlook.shifts.items()
        },
    )


def version(kept: Kept) -> PolicyVersionShape:
    row, job = kept.row, kept.following
    return PolicyVersionShape(
        version=row.version,
        at=row.at,
        by=row.by,
        changed=list(kept.changed),
        policy=kept.policy,
        orders=PolicyProgress.model_validate(job, from_attributes=True) if job else None,
    )
