"""What the API answers of templates."""

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from notifier.api.shapes import Shape
from notifier.domain.message import Kind

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
