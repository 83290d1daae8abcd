"""What the API answers of templates."""

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from notifier.api.shapes import Shape
from notifier.domain.message import Kind
from notifier.domain.trying import MIN_ORDERS, Verdict

Translations = dict[str, dict[str, str | list[str]]]


class VariableShape(Shape):
    """What a template may write: `order.short`, or `lines[].name` for each of several."""

    model_config = ConfigDict(title="Variable")

    name: str
    type: str
    meaning: str
    example: Any


class TemplateHead(Shape):
    """Which words a kind of email has."""

    kind: Kind
    version: int = Field(
        description="Counts what the store has published; 0 is the template that comes with Notifier"
    )
    published_at: datetime | None = Field(description="Null where nothing was published")
    published_by: str | None = Field(description="`api`, `console` or `cli`")


class Template(TemplateHead):
    """The live template of a kind."""

    source: str
    translations: Translations = Field(
        description="By language, how the store says its English sentences there"
    )
    variables: list[VariableShape] = Field(description="What it may write")
    samples: list[str] = Field(description="Orders that it can be looked at with")
    untranslated: dict[str, list[str]] = Field(
        description="By language, sentences that are sent in English, as they have no translation"
    )


class TemplateVersionShape(TemplateHead):
    """What a store published, or that it went back to the default: then there is no source."""

    model_config = ConfigDict(title="TemplateVersion")

    source: str | None
    translations: Translations


class TemplateDraftShape(Shape):
    """What is being written."""

    model_config = ConfigDict(title="TemplateDraft")

    kind: Kind
    source: str
    translations: Translations
    base_version: int = Field(description="The version that was live when it was begun")
    saved_at: datetime


class TemplateProblem(Shape):
    """Why a template would not be published."""

    rule: str
    file: str
    line: int
    reason: str
    explanation: str = Field(description="What the rule is for")


class Previewed(Shape):
    """One email as it would be; nulls where it does not render, and the problems say why."""

    subject: str | None
    html: str | None
    text: str | None
    problems: list[TemplateProblem]
    subject_b: str | None = Field(description="What half of the orders get instead, where two are tried")


class IntervalShape(Shape):
    """What lies, at 95 % confidence, between these."""

    model_config = ConfigDict(title="Interval")

    low: float
    high: float


class ShareShape(Shape):
    """Of so many orders that got it a week ago or more, so many."""

    model_config = ConfigDict(title="Share")

    orders: int
    of: int
    value: float | None = Field(description="Null where there is no such order yet")
    interval: IntervalShape = Field(description="Wilson's score interval")


class HalfShape(Shape):
    """How one of two subjects has done. Whether an email was opened is not asked: mail programs open by themselves."""

    model_config = ConfigDict(title="SubjectTried")

    subject: str = Field(description="As it is to the first sample order, in the store's language")
    sent: int
    delivered: int = Field(description="As far as the mail service reports it")
    bounced: int
    complained: int
    orders: int = Field(description="That got at least one of these")
    cancelled: ShareShape = Field(description="Cancelled by the customer within a week of the first")
    stopped: ShareShape = Field(
        description="Unsubscribed from reminders, or marked as spam, within a week of the first"
    )


class FindingShape(Shape):
    """What may be said of one outcome, of which fewer are better."""

    model_config = ConfigDict(title="SubjectFinding")

    verdict: Verdict = Field(
        description=f"`too_few`: one half has fewer than {MIN_ORDERS} orders that got it a week ago or more"
    )
    difference: float | None = Field(description="The share with b, less that with a")
    interval: IntervalShape = Field(description="Of the difference, by Newcombe's method")
    says: str = Field(description="In one sentence")


class SubjectTrial(Shape):
    """Two subjects, each for half of the orders, and how they have done."""

    kind: Kind
    version: int = Field(description="Of the template that has these two subjects")
    running: bool = Field(description="Whether emails that leave now try them")
    a: HalfShape
    b: HalfShape
    cancelled: FindingShape
    stopped: FindingShape
