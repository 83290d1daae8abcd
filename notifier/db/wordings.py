"""Templates that stores have published: versions that never change, and on the store's row which of them are live."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from notifier.db.tables import Store
from notifier.db.template_tables import TemplateDraft, TemplateVersion
from notifier.domain.message import Kind

Translated = Mapping[str, Mapping[str, str | Sequence[str]]]


def version(session: Session, store_id: str, kind: Kind, number: int) -> TemplateVersion | None:
    return session.get(TemplateVersion, (store_id, kind.value, number))


def versions(
    session: Session, store_id: str, kind: Kind, *, before: int | None = None, limit: int
) -> Sequence[TemplateVersion]:
    """The newest first, from just below `before`."""
    query = select(TemplateVersion).where(
        TemplateVersion.store_id == store_id, TemplateVersion.kind == kind.value
    )
    if before is not None:
        query = query.where(TemplateVersion.version < before)
    return session.exec(query.order_by(col(TemplateVersion.version).desc()).limit(limit)).all()


def publish(
    session: Session,
    store: Store,
    kind: Kind,
    source: str | None,
    translations: Translated,
    by: str,
    now: datetime,
) -> TemplateVersion:
    """Make this the live template of the kind; without a source, the one that comes with Notifier is.

    The store's row must be locked by this transaction. What was in the draft is published, so the draft goes.
    """
    newest = next(iter(versions(session, store.id, kind, limit=1)), None)
    row = TemplateVersion(
        store_id=store.id,
        kind=kind.value,
        version=newest.version + 1 if newest else 1,
        source=source,
        translations=dict(translations),
        published_at=now,
        published_by=by,
    )
    live = {name: number for name, number in store.templates.items() if name != kind.value}
    store.templates = live | ({kind.value: row.version} if source is not None else {})
    session.add_all([row, store])
    if draft := find_draft(session, store.id, kind):
        session.delete(draft)
    session.flush()
    return row


def find_draft(session: Session, store_id: str, kind: Kind) -> TemplateDraft | None:
    return session.get(TemplateDraft, (store_id, kind.value))


def keep_draft(
    session: Session,
    store: Store,
    kind: Kind,
    source: str,
    translations: Translated,
    now: datetime,
) -> TemplateDraft:
    """Keep what is being written; whoever began it knew the version that was live then."""
    draft = find_draft(session, store.id, kind) or TemplateDraft(
        store_id=store.id,
        kind=kind.value,
        source=source,
        base=store.templates.get(kind.value, 0),
        saved_at=now,
    )
    draft.source, draft.translations, draft.saved_at = source, dict(translations), now
    session.add(draft)
    session.flush()
    return draft
