"""What a store hands in as its sending policy, checked; and each field in words.

Here, beside `domain.policy.Policy`, is all that a new field needs: its limits, its title and unit, and what it does.
The reference, the console's page, versions, the dry run and its reasons are made from these.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from notifier.db.codec import policy_from_json, policy_to_json
from notifier.domain.policy import Policy, starved, widest_gap
from notifier.fields import Text, WallTime
from notifier.inputs import Input

MOST_MILESTONES = 20
MOST_SKUS = 1000
"""How many SKUs may have a policy of their own: it is read whole with every order."""


def _each_once(days: list[int]) -> list[int]:
    for day in days:
        if days.count(day) > 1:
            raise ValueError(f"{day} stands twice; name each milestone once")
    return days


def _is_none(value: object) -> bool:
    return value is None


def _said(title: str, unit: str = "", **words: str) -> dict[str, Any]:
    """For a field: its name and unit for people, and its choices in words."""
    extra = {"x-unit": unit} | ({"x-words": words} if words else {})
    return {"title": title, "json_schema_extra": extra}


def _lost(policy: Policy, lost: tuple[int, ...]) -> str:
    days = ", ".join(map(str, lost))
    return (
        f"min_gap_hours {policy.min_gap_hours} leaves the countdown of {days} days no room after the one before it:"
        f" at most {widest_gap(policy)} does, or leave {days} out of countdown_days"
    )


Milestones = Annotated[
    list[Annotated[int, Field(strict=True, ge=1, le=365)]],
    Field(max_length=MOST_MILESTONES),
    AfterValidator(_each_once),
]
Threshold = Annotated[int, Field(strict=True, ge=0, le=60)]


class SendWindow(Input):
    """Hours of the customer's day, from `start` until just before `end`; "09:00-20:00" means the same."""

    start: WallTime = "09:00"
    end: WallTime = "20:00"

    @model_validator(mode="before")
    @classmethod
    def _written_short(cls, value: Any) -> Any:
        if isinstance(value, str):
            start, _, end = value.replace("\u2013", "-").partition("-")
            return {"start": start.strip(), "end": end.strip()}
        return value

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if self.start >= self.end:
            raise ValueError(
                f"never opens: start {self.start} must come before end {self.end}, on one day, like 09:00-20:00"
            )
        return self


class SkuPolicyInput(Input):
    """What a store does otherwise for the lines of one SKU; what is left out is as for all."""

    countdown_days: Annotated[Milestones | None, Field(exclude_if=_is_none)] = None
    delay_threshold_days: Annotated[Threshold | None, Field(exclude_if=_is_none)] = None

    @model_validator(mode="before")
    @classmethod
    def _by_line(cls, value: Any) -> Any:
        if isinstance(value, dict):
            for name in value.keys() & (PolicyInput.model_fields.keys() - cls.model_fields.keys()):
                raise ValueError(
                    f"{name}: is one for all SKUs of a store; by SKU there is {' and '.join(cls.model_fields)}"
                )
        return value

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.countdown_days is None and self.delay_threshold_days is None:
            raise ValueError(
                "says nothing; give countdown_days, delay_threshold_days or both, or leave the SKU out"
            )
        return self


class PolicyInput(Input):
    """A store's sending policy; what is left out has its default. Days are the customer's, hours real ones."""

    countdown_days: Annotated[
        Milestones,
        Field(
            description="How many days before its date a line is counted down to. None: no countdowns.",
            **_said("Countdown", "days before the date"),
        ),
    ] = Field([14, 7, 3, 1])
    send_window: Annotated[
        SendWindow,
        Field(
            description="When countdowns and word of moved dates may arrive, by the customer's own clock. What just"
            " happened (registered, shipped, cancelled) is told at once.",
            **_said("Sending hours", "of the customer's day"),
        ),
    ] = SendWindow()
    min_gap_hours: Annotated[
        int,
        Field(
            strict=True,
            ge=0,
            le=720,
            description="At least this long between two emails of the waiting series to one customer, over all orders.",
            **_said("Gap between emails", "hours"),
        ),
    ] = 20
    max_per_week: Annotated[
        int,
        Field(
            strict=True,
            ge=1,
            le=50,
            description="At most so many of the waiting series in any seven days to a customer who has several orders.",
            **_said("Cap for several orders", "emails a week"),
        ),
    ] = 5
    waiting_every_days: Annotated[
        Annotated[int, Field(strict=True, ge=2, le=365)] | None,
        Field(
            description="So long after the last email an order that still waits is spoken of again. Nothing: never.",
            **_said("Still waiting", "days after the last email"),
        ),
    ] = 7
    next_word_days: Annotated[
        int,
        Field(
            strict=True,
            ge=3,
            le=90,
            description="By when a customer to whom nobody can tell a date hears again. They are told, and it is kept.",
            **_said("Word without a date", "days"),
        ),
    ] = 14
    payment_lead_days: Annotated[
        int,
        Field(
            strict=True,
            ge=0,
            le=60,
            description="So long before a card's last day its owner is told that it runs out before the goods come.",
            **_said("Card runs out", "days before"),
        ),
    ] = 14
    settle_minutes: Annotated[
        int,
        Field(
            strict=True,
            ge=0,
            le=1440,
            description="How long a moved date must stand before customers are told: moves within it are one email,"
            " and one taken back is none.",
            **_said("Settling time", "minutes"),
        ),
    ] = 15
    delay_threshold_days: Annotated[
        Threshold,
        Field(
            description="A date that moves by fewer days is not told by itself, unless the law asks for it.",
            **_said("Smallest move worth telling", "days"),
        ),
    ] = 1
    jurisdiction: Annotated[
        Literal["auto", "us-ftc", "eu", "none"],
        Field(
            description="Which law on late shipment says what customers must be told and asked.",
            **_said(
                "Law",
                **{
                    "auto": "That of the customer's country",
                    "us-ftc": "United States: 16 CFR 435",
                    "eu": "European Union: Consumer Rights Directive",
                    "none": "None",
                },
            ),
        ),
    ] = "auto"
    max_messages_per_change: Annotated[
        int,
        Field(
            strict=True,
            ge=1,
            le=10_000_000,
            description="One change (of a date, of this policy) that would send more waits for a second yes.",
            **_said("Most emails of one change"),
        ),
    ] = 10_000
    auto_notice: Annotated[
        bool,
        Field(
            strict=True,
            description="On a line's legal deadline, should nothing have shipped and no notice gone, the customer is"
            " told that nobody can say when it ships.",
            **_said("Notice on the legal deadline"),
        ),
    ] = True
    deemed_cancellation: Annotated[
        Literal["ask", "carry_out"],
        Field(
            description="What becomes of an order that the law has cancelled, because its customer's answer ran out.",
            **_said(
                "Orders that the law has cancelled",
                ask="Ask the store to cancel them",
                carry_out="Take them off and tell the customer",
            ),
        ),
    ] = "ask"
    ask_further: Annotated[
        bool,
        Field(
            strict=True,
            description="Whether the first notice of a delay, where it names a date, also asks the customer to agree in"
            " advance to any further delay (16 CFR 435.2(b)(1)(iv)).",
            **_said("Ask in advance for consent to a further delay"),
        ),
    ] = False
    unknown_sends: Annotated[
        Literal["hold", "resend"],
        Field(
            description="What becomes of an email that may have left or not, where the mail service can't tell.",
            **_said(
                "Emails in doubt",
                hold="Hold for a person: at most once",
                resend="Send again: at least once",
            ),
        ),
    ] = "hold"
    skus: Annotated[
        dict[Text, SkuPolicyInput],
        Field(
            max_length=MOST_SKUS,
            description="By SKU, what is otherwise for its lines: `countdown_days`, `delay_threshold_days`.",
            **_said("Otherwise for a SKU"),
        ),
    ] = Field({})

    @model_validator(mode="after")
    def _no_series_starves(self) -> Self:
        for sku, own in self._series:
            lost = starved(own)
            if lost and len(lost) == len(own.countdown_days) - 1:
                where = "min_gap_hours: " if sku is None else f"skus: for {sku!r} "
                raise ValueError(f"{where}{_lost(own, lost)}")
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """What can be, and yet is perhaps not what was meant."""
        return tuple(
            _lost(own, lost) if sku is None else f"for {sku!r} {_lost(own, lost)}"
            for sku, own in self._series
            if (lost := starved(own))
        )

    @property
    def _series(self) -> list[tuple[str | None, Policy]]:
        """The store's countdown, and those of SKUs that have one of their own."""
        policy = self.policy
        own = [sku for sku, it in self.skus.items() if it.countdown_days is not None]
        return [(None, policy), *((sku, policy.of(sku)) for sku in own)]

    @property
    def policy(self) -> Policy:
        return policy_from_json(self.document)

    @property
    def document(self) -> dict[str, Any]:
        """What was set, as it is kept."""
        return self.model_dump(mode="json", include=self.model_fields_set & PolicyInput.model_fields.keys())

    @staticmethod
    def kept(policy: Policy) -> "PolicyInput":
        """A policy as it was kept: what was right when it was set can be read for ever."""
        values = policy_to_json(policy)
        values["send_window"] = SendWindow.model_construct(**values["send_window"])
        values["skus"] = {sku: SkuPolicyInput.model_construct(**own) for sku, own in values["skus"].items()}
        return PolicyInput.model_construct(None, **values)


class PolicyChange(PolicyInput):
    """The new policy, whole; and how it is to be set."""

    version: Annotated[
        int | None,
        Field(
            strict=True,
            ge=1,
            description="The version that this was made from: if another came since, it is 409",
        ),
    ] = None
    dry_run: Annotated[bool, Field(strict=True, description="Only tell what it would do")] = False
    confirm: Annotated[
        bool,
        Field(
            strict=True, description="The second yes, where it would send more than max_messages_per_change"
        ),
    ] = False
