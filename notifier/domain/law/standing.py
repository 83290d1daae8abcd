"""Where one line of an order stands in law: the values that every jurisdiction answers with."""

from dataclasses import dataclass
from datetime import date, datetime

DEFINITE = frozenset({"n1_short", "n1_long"})
"""First notices with a definite revised date, which alone may ask for consent to a further delay as well
(16 CFR 435.2(b)(1)(iv))."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice that the law asks for.

    `kind` is `n1_short`, `n1_long`, `n1_indef` or `n2_renewed`; `revised` the definite new ship date, None
    when nobody can say; `answer_by` the last day on which an answer counts, None where silence is consent;
    `give_by` the last day on which giving it still counts.
    """

    kind: str
    revised: date | None
    answer_by: date | None
    give_by: date


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of one line at an instant.

    `state` is one of the names of `STATES`; `ship_by` the day that the law's clock runs to;
    `cancel_by` the day from which the law takes the line for cancelled although its units still stand in the order;
    `notice` what must be given now because of what is known now, None when nothing is owed or it is on its
    way; `lapse` what must be given on `ship_by` day if the line is still unshipped, None when nothing is;
    `answer_by` the last day to answer, where an answer is needed; `refund_by` the last day to send a refund
    that is owed, in any state (some units may be cancelled while others wait, or have shipped); `changes_at`
    the next instant at which the passing of time alone may change any of this, None when it changes nothing;
    `further` whether the notice that counts also asked for consent to any further delay.
    """

    state: str
    ship_by: date | None = None
    notice: Notice | None = None
    lapse: Notice | None = None
    answer_by: date | None = None
    refund_by: date | None = None
    changes_at: datetime | None = None
    cancel_by: date | None = None
    further: bool = False

    @property
    def extra_until(self) -> date | None:
        """The last day of the additional period that the consumer granted; None where none runs."""
        return self.ship_by if self.state == "late" else None


US_STATES = (
    "on_time", "silence_ok", "need_consent", "renewed", "consented", "indefinite",
    "shipped", "cancelled", "refunded", "refund_overdue",
)  # fmt: skip
EU_STATES = (
    "on_time", "late", "terminable", "terminated",
    "shipped", "cancelled", "refunded", "refund_overdue",
)  # fmt: skip
NO_LAW = "none"
STATES = tuple(dict.fromkeys((*US_STATES, *EU_STATES, NO_LAW)))
