"""The tables of what stores write themselves: every version of a template that was published, and drafts."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from notifier.db.columns import json_column, time_column


class TemplateVersion(SQLModel, table=True):
    """A template as a store published it: never changed, for messages name it. Versions of a kind count from 1.

    `source` is None where the store went back to what comes with Notifier. `translations` are by language and English
    sentence. `published_by` is `api`, `console` or `cli`.
    """

    __tablename__ = "template_version"

    store_id: str = Field(primary_key=True, foreign_key="store.id")
    kind: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    source: str | None = None
    translations: dict[str, Any] = json_column()
    published_at: datetime = time_column()
    published_by: str


class TemplateDraft(SQLModel, table=True):
    """What somebody is writing: one a kind. `base` is the version that was live when it was begun."""

    __tablename__ = "template_draft"

    store_id: str = Field(primary_key=True, foreign_key="store.id")
    kind: str = Field(primary_key=True)
    source: str
    translations: dict[str, Any] = json_column()
    base: int
    saved_at: datetime = time_column()
