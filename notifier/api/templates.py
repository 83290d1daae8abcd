"""The words of emails: read, tried out, published, and taken back."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from pydantic import EmailStr

from notifier import trying, wording
from notifier.api import examples, store_shapes
from notifier.api.deps import After, CallDep, Limit, Work
from notifier.api.problems import declared
from notifier.api.shapes import Page
from notifier.api.template_shapes import (
    FindingShape,
    HalfShape,
    Previewed,
    SubjectTrial,
    Template,
    TemplateDraftShape,
    TemplateProblem,
    TemplateVersionShape,
    VariableShape,
)
from notifier.db import wordings
from notifier.db.tables import Store
from notifier.db.template_tables import TemplateDraft, TemplateVersion
from notifier.domain.message import Kind
from notifier.errors import NotFound
from notifier.trial import send_test
from notifier.wording import Asked, NewTemplate, Scene, Written
from notifier.words.catalogue import listed, untranslated
from notifier.words.check import RULES, check_wording
from notifier.words.render import Rendered, TemplateFault, Wording
from notifier.words.samples import SAMPLES

router = APIRouter(prefix="/v1/templates", tags=["templates"])

OfKind = Annotated[Kind, Path()]
BY = "api"


class NewTest(Asked):
    """A test email of a template: to whom."""

    to: EmailStr


@router.get("", operation_id="list_templates", response_model=Page[Template])
def list_templates(call: CallDep) -> Page[Template]:
    """Every kind with its live template, all on one page."""
    with call.reading() as work:
        return Page(data=[_template(work, kind) for kind in Kind], next=None)


@router.get("/{kind}", operation_id="get_template", response_model=Template)
def get_template(kind: OfKind, call: CallDep) -> Template:
    """The live template of a kind: the store's own, or the one that comes with Notifier."""
    with call.reading() as work:
        return _template(work, kind)


@router.put("/{kind}", operation_id="publish_template", response_model=Template, responses=declared(400, 409))
def publish_template(
    kind: OfKind, new: Annotated[NewTemplate, Body(examples=[examples.NEW_TEMPLATE])], call: CallDep
) -> Template:
    """Publish a template: the next email of its kind uses it. Planned emails are written when they go.

    422 names the file, the line, the reason and the rule where it would not render, or breaks a rule, for any sample
    order in any language. What is live already is not published again.
    """
    written = new.wording()
    wording.checked(call.services.post.templates, kind, written)
    with call.writing() as work:
        wording.publish(work.session, call.store_id, kind, written, BY, work.now, new.base_version)
        work.session.refresh(work.store)
        return _template(work, kind)


@router.delete("/{kind}", operation_id="reset_template", response_model=Template)
def reset_template(kind: OfKind, call: CallDep) -> Template:
    """Go back to the template that comes with Notifier. What was published stays among the versions."""
    with call.writing() as work:
        wording.publish(work.session, call.store_id, kind, None, BY, work.now, None)
        work.session.refresh(work.store)
        return _template(work, kind)


@router.get(
    "/{kind}/versions", operation_id="list_template_versions", response_model=Page[TemplateVersionShape]
)
def list_versions(
    kind: OfKind, call: CallDep, limit: Limit = 20, after: After = None
) -> Page[TemplateVersionShape]:
    """What was published of a kind, the newest first."""
    asked = {"kind": kind}
    place = call.read_cursor(asked, after)
    with call.reading() as work:
        before = int(place) if place else None
        found = wordings.versions(work.session, work.store.id, kind, before=before, limit=limit + 1)
        shown = [_version(row) for row in found[:limit]]
    following = call.cursor(asked, str(shown[-1].version)) if len(found) > limit else None
    return Page(data=shown, next=following)


@router.post(
    "/{kind}/preview", operation_id="preview_template", response_model=Previewed, responses=declared(400, 404)
)
def preview_template(
    kind: OfKind, asked: Annotated[Asked, Body(examples=[examples.TEMPLATE_PREVIEW])], call: CallDep
) -> Previewed:
    """See an email in a draft's words, or in the live ones, and all that would keep the draft from being published."""
    store, scene, words = _scene(kind, asked, call)
    templates = call.services.post.templates
    draft = asked.draft()
    found = check_wording(templates, kind, draft) if draft else []
    other = None
    try:
        drawn: Rendered | None = wording.draw(templates, store, kind, scene, words)[0]
        other = wording.second_subject(templates, store, kind, scene, words)
    except TemplateFault as fault:
        drawn = None
        found = [*found, *([fault] if str(fault) not in map(str, found) else [])]
    return Previewed(
        subject=drawn.subject if drawn else None,
        html=drawn.html if drawn else None,
        text=drawn.text if drawn else None,
        problems=[_problem(fault) for fault in found],
        subject_b=other,
    )


@router.get(
    "/{kind}/trial", operation_id="get_subject_trial", response_model=SubjectTrial, responses=declared(404)
)
def get_trial(
    kind: OfKind,
    call: CallDep,
    version: Annotated[
        int | None, Query(ge=1, le=2**31 - 1, description="Of the template; left out, the live one")
    ] = None,
) -> SubjectTrial:
    """How a countdown's two subjects have done, where its template tries a second one, and what may be said of them."""
    with call.reading() as work:
        found = trying.trial(work.session, call.services.post.templates, work.store, kind, version, work.now)
    return SubjectTrial(
        kind=kind,
        version=found.version,
        running=found.running,
        a=_half(found.halves["a"]),
        b=_half(found.halves["b"]),
        cancelled=_finding("cancelled", found),
        stopped=_finding("stopped", found),
    )


@router.post(
    "/{kind}/test",
    operation_id="test_template",
    response_model=store_shapes.Trial,
    responses=declared(400, 404),
)
def test_template(
    kind: OfKind, asked: Annotated[NewTest, Body(examples=[examples.TEMPLATE_TEST])], call: CallDep
) -> store_shapes.Trial:
    """Send it to somebody of yours, in a draft's words or in the live ones, and tell what came of it."""
    store, scene, words = _scene(kind, asked, call)
    post = call.services.post

    def email() -> tuple[Kind, Rendered, Mapping[str, Any]]:
        return kind, *wording.draw(post.templates, store, kind, scene, words)

    return store_shapes.Trial.model_validate(
        send_test(post, call.store_id, asked.to, call.now, email=email), from_attributes=True
    )


@router.get(
    "/{kind}/draft",
    operation_id="get_template_draft",
    response_model=TemplateDraftShape,
    responses=declared(404),
)
def get_draft(kind: OfKind, call: CallDep) -> TemplateDraftShape:
    """What somebody is writing."""
    with call.reading() as work:
        return _draft(_found_draft(work, kind))


@router.put(
    "/{kind}/draft",
    operation_id="keep_template_draft",
    response_model=TemplateDraftShape,
    responses=declared(400),
)
def keep_draft(
    kind: OfKind, written: Annotated[Written, Body(examples=[examples.NEW_TEMPLATE])], call: CallDep
) -> TemplateDraftShape:
    """Keep what is being written, right or not yet; publishing takes it away."""
    words = written.wording()
    with call.writing() as work:
        return _draft(
            wordings.keep_draft(work.session, work.store, kind, words.source, words.translations, work.now)
        )


@router.delete(
    "/{kind}/draft",
    operation_id="drop_template_draft",
    response_model=TemplateDraftShape,
    responses=declared(404),
)
def drop_draft(kind: OfKind, call: CallDep) -> TemplateDraftShape:
    """Throw away what was being written; answers it a last time."""
    with call.writing() as work:
        draft = _found_draft(work, kind)
        work.session.delete(draft)
        return _draft(draft)


def _scene(kind: Kind, asked: Asked, call: CallDep) -> tuple[Store, Scene, Wording | None]:
    """Which store's email is asked for, what it is about, and its words."""
    draft = asked.draft()
    with call.reading() as work:
        store = work.store
        scene = wording.find_scene(
            work.session, store, kind, call.services.links, work.now,
            backorder_id=asked.backorder_id, sample=asked.sample, locale=asked.locale,
        )  # fmt: skip
    return store, scene, draft or call.services.post.wording(store, kind)


def _template(work: Work, kind: Kind) -> Template:
    templates = work.services.post.templates
    number = work.store.templates.get(kind.value, 0)
    live = wordings.version(work.session, work.store.id, kind, number) if number else None
    own = wording.of_version(live) if live else Wording(templates.source(kind))
    return Template(
        kind=kind,
        version=number,
        published_at=live.published_at if live else None,
        published_by=live.published_by if live else None,
        source=own.source,
        translations=_translations(own.translations),
        variables=[VariableShape.model_validate(it, from_attributes=True) for it in listed(kind)],
        samples=[sample.name for sample in SAMPLES if sample.kind is kind],
        untranslated=dict(untranslated(own.source, own.translations, templates.catalogs)),
    )


def _version(row: TemplateVersion) -> TemplateVersionShape:
    return TemplateVersionShape.model_validate(row, from_attributes=True)


def _found_draft(work: Work, kind: Kind) -> TemplateDraft:
    draft = wordings.find_draft(work.session, work.store.id, kind)
    if draft is None:
        raise NotFound(f"nobody is writing the template of {kind}")
    return draft


def _draft(row: TemplateDraft) -> TemplateDraftShape:
    return TemplateDraftShape(
        kind=Kind(row.kind),
        source=row.source,
        translations=row.translations,
        base_version=row.base,
        saved_at=row.saved_at,
    )


def _translations(own: Mapping[str, Any]) -> dict[str, dict[str, str | list[str]]]:
    return {spoken: dict(sentences) for spoken, sentences in own.items()}


def _problem(fault: TemplateFault) -> TemplateProblem:
    return TemplateProblem(
        rule=fault.rule,
        file=fault.file,
        line=fault.line,
        reason=fault.reason,
        explanation=RULES[fault.rule],
    )


def _half(half: trying.Half) -> HalfShape:
    told = {field.name: getattr(half, field.name) for field in fields(half)}
    return HalfShape.model_validate(told | dict(half.shares), from_attributes=True)


def _finding(outcome: trying.Outcome, trial: trying.Trial) -> FindingShape:
    finding = trial.findings[outcome]
    told = {field.name: getattr(finding, field.name) for field in fields(finding)}
    return FindingShape.model_validate(told | {"says": trying.told(outcome, finding)}, from_attributes=True)
