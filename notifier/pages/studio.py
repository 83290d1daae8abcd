"""The studio: a marketer writes an email, sees it about any order in any language, and publishes it.

Everything travels in one form, so that it works without scripts; `studio.js` puts an editor over its text field and
looks at what is typed while it is typed.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse
from pydantic import TypeAdapter, ValidationError

from notifier import wording
from notifier.db import queries, wordings
from notifier.db.engine import reading, transaction
from notifier.db.tables import Store
from notifier.domain.message import Kind
from notifier.errors import Conflict, Invalid, NotFound
from notifier.faults import faults
from notifier.fields import LocaleTag
from notifier.pages import plain
from notifier.pages.html import CSP, EMAIL_CSP, Page, PageRoute
from notifier.pages.previews import NAMES, in_scheme
from notifier.pages.session import SignedIn, Visit
from notifier.shopkeeping import NewTrial
from notifier.trial import Trial, send_test
from notifier.wording import Scene, Written, wording_of
from notifier.words import language, samples
from notifier.words.catalogue import listed, sentences, untranslated
from notifier.words.check import RULES, check_wording
from notifier.words.render import Rendered, TemplateFault, Wording
from notifier.words.trying import MAY_TRY

PATH = "/console/templates/{kind}"
BY = "console"
MOST_SHOWN = 30
"""Versions in the history."""
_TRANSLATIONS: TypeAdapter[dict[str, dict[str, str | list[str]]]] = TypeAdapter(
    dict[str, dict[str, str | list[str]]]
)

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Desk:
    """What stands in the form: the words, and which email they are looked at with."""

    source: str
    translations: Mapping[str, language.Translations]
    base: int
    sample: str = ""
    order: str = ""
    spoken: str = language.SOURCE
    dark: bool = False
    plain: bool = False
    to: str = ""

    def words(self) -> Wording:
        """Raises Invalid for translations that make no sense."""
        return wording_of(self.source, self.translations)


async def _entered(request: Request) -> Desk:
    """The form as it was sent; what is translated beside it goes into the translations."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    spoken = form.get("lang", language.SOURCE)
    try:
        translations = dict(_TRANSLATIONS.validate_json(form.get("translations", "{}")))
    except ValidationError:
        raise Invalid("translations: this field belongs to the page; reload it and try again") from None
    said = form.get("saying", "")
    if said and said in language.LANGUAGES:
        translations[said] = dict(_said(form))
        if not translations[said]:
            del translations[said]
    return Desk(
        source=form.get("source", "").replace("\r\n", "\n"),
        translations=translations,
        base=int(form["base"]) if form.get("base", "").isdecimal() else 0,
        sample=form.get("sample", ""),
        order=form.get("order", "").strip(),
        spoken=spoken if spoken in language.LANGUAGES else language.SOURCE,
        dark=form.get("scheme") == "dark",
        plain=form.get("part") == "text",
        to=form.get("to", "").strip(),
    )


def _said(form: Mapping[str, str]) -> Mapping[str, str | list[str]]:
    """What is entered as translations: `sentence.3`, with `say.3.0` and its other forms."""
    found: dict[str, str | list[str]] = {}
    for name, sentence in form.items():
        group, _, number = name.partition(".")
        if group != "sentence":
            continue
        forms = [
            form.get(f"say.{number}.{at}", "").strip() for at in range(8) if f"say.{number}.{at}" in form
        ]
        if forms and all(forms):
            found[sentence] = forms[0] if len(forms) == 1 else forms
    return found


Entered = Annotated[Desk, Depends(_entered)]
Token = Annotated[str, Form()]


@router.get(PATH)
def studio_page(visit: SignedIn, kind: Kind, sample: str = "", lang: str = "", done: str = "") -> Page:
    """The draft, or, where there is none, what is live."""
    templates = visit.services.post.templates
    with reading(visit.services.engine) as session:
        store = session.get_one(Store, visit.store_id)
        draft = wordings.find_draft(session, store.id, kind)
    live = visit.services.post.wording(store, kind)
    shown = live or Wording(templates.source(kind))
    desk = Desk(
        source=draft.source if draft else shown.source,
        translations=draft.translations if draft else shown.translations,
        base=draft.base if draft else store.templates.get(kind.value, 0),
        sample=sample,
        spoken=lang if lang in language.LANGUAGES else language.speak(store.locale).language,
    )
    return _page(visit, kind, desk, done=done)


@router.post(PATH)
def act(
    visit: SignedIn, kind: Kind, desk: Entered, token: Token, do: Annotated[str, Form()] = "look"
) -> Response:
    """What the buttons do: look, keep a draft, publish, go back to the default, or send a test."""
    visit.check(token, "template")
    try:
        match do:
            case "save":
                return _save(visit, kind, desk)
            case "publish":
                return _publish(visit, kind, desk)
            case "test":
                return _page(visit, kind, desk, trial=_test(visit, kind, desk))
    except ValidationError as error:
        return _page(visit, kind, desk, problem=faults(error)[0].detail)
    except (Invalid, Conflict, NotFound) as error:
        return _page(visit, kind, desk, problem=error.detail)
    return _page(visit, kind, desk)


@router.post(f"{PATH}/see")
def see(visit: SignedIn, kind: Kind, desk: Entered, token: Token) -> Response:
    """The email itself, for the frame beside the editor."""
    visit.check(token, "template")
    headers = {"Content-Security-Policy": EMAIL_CSP}
    try:
        drawn = _drawn(visit, kind, desk)
    except TemplateFault as fault:
        return PlainTextResponse(f"It does not render.\n\n{fault}", headers=headers)
    except (Invalid, NotFound) as error:
        return PlainTextResponse(error.detail, headers=headers)
    if desk.plain:
        return PlainTextResponse(f"{drawn.subject}\n\n{drawn.text}", headers=headers)
    return HTMLResponse(in_scheme(drawn.html, "dark" if desk.dark else "light"), headers=headers)


@router.post(f"{PATH}/problems")
def problems(visit: SignedIn, kind: Kind, desk: Entered, token: Token) -> Response:
    """For the script: what keeps these words from being published, and the subject that they make."""
    visit.check(token, "template")
    try:
        found = [_problem(it) for it in check_wording(visit.services.post.templates, kind, desk.words())]
    except Invalid as error:
        found = [{"line": 1, "reason": error.detail, "explanation": ""}]
    subject, second = _subjects(visit, kind, desk)
    return JSONResponse({"problems": found, "subject": subject, "second": second})


@router.get(f"{PATH}/history")
def history_page(visit: SignedIn, kind: Kind, version: int | None = None) -> Page:
    """What was published, and how one version differs from the one before, or from the default."""
    templates = visit.services.post.templates
    with reading(visit.services.engine) as session:
        store = session.get_one(Store, visit.store_id)
        rows = wordings.versions(session, store.id, kind, limit=MOST_SHOWN)
        chosen = wordings.version(session, store.id, kind, version) if version else None
        before = wordings.version(session, store.id, kind, version - 1) if version else None
    if version and chosen is None:
        raise NotFound(f"There is no version {version} of this email.")
    default = templates.source(kind)
    older = before.source if before and before.source is not None else default
    newer = (chosen.source if chosen.source is not None else default) if chosen else ""
    values = {
        "kind": kind.value,
        "name": plain.kind(kind),
        "rows": rows,
        "live": store.templates.get(kind.value, 0),
        "chosen": chosen,
        "against": f"version {before.version}" if before and before.source is not None else "the default",
        "changes": _changes(older, newer) if chosen else [],
    }
    return visit.page("history.html", values)


@router.post(f"{PATH}/history")
def roll_back(visit: SignedIn, kind: Kind, token: Token, version: Annotated[int, Form(ge=0)]) -> Response:
    """Publish an old version again, or, with 0, go back to the default. It must still keep every rule."""
    visit.check(token, "roll back")
    words: Wording | None = None
    if version:
        with reading(visit.services.engine) as session:
            row = wordings.version(session, visit.store_id, kind, version)
        if row is None:
            raise NotFound(f"There is no version {version} of this email.")
        words = wording.of_version(row) if row.source is not None else None
    if words:
        wording.checked(visit.services.post.templates, kind, words)
    with transaction(visit.services.engine) as session:
        wording.publish(session, visit.store_id, kind, words, BY, visit.now, None)
    return RedirectResponse(f"{PATH.format(kind=kind)}?done=published", 303)


# --- what the buttons do ---------------------------------------------------------------------------------


def _save(visit: Visit, kind: Kind, desk: Desk) -> Response:
    written = Written(source=desk.source, translations=_TRANSLATIONS.validate_python(desk.translations))
    words = written.wording()
    with transaction(visit.services.engine) as session:
        store = session.get_one(Store, visit.store_id)
        wordings.keep_draft(session, store, kind, words.source, words.translations, visit.now)
    return RedirectResponse(_here(kind, desk, "saved"), 303)


def _publish(visit: Visit, kind: Kind, desk: Desk) -> Response:
    words = desk.words()
    wording.checked(visit.services.post.templates, kind, words)
    with transaction(visit.services.engine) as session:
        wording.publish(session, visit.store_id, kind, words, BY, visit.now, desk.base)
    return RedirectResponse(_here(kind, desk, "published"), 303)


def _test(visit: Visit, kind: Kind, desk: Desk) -> Trial:
    to = NewTrial(to=desk.to).to
    store, scene = _scene(visit, kind, desk)
    words, post = desk.words(), visit.services.post

    def email() -> tuple[Kind, Rendered, Mapping[str, Any]]:
        return kind, *wording.draw(post.templates, store, kind, scene, words)

    return send_test(post, visit.store_id, to, visit.now, email=email)


def _here(kind: Kind, desk: Desk, done: str) -> str:
    return f"{PATH.format(kind=kind)}?lang={desk.spoken}&done={done}"


# --- what is shown ---------------------------------------------------------------------------------------


def _drawn(visit: Visit, kind: Kind, desk: Desk) -> Rendered:
    """Raises TemplateFault, Invalid, NotFound."""
    store, scene = _scene(visit, kind, desk)
    return wording.draw(visit.services.post.templates, store, kind, scene, desk.words())[0]


def _subjects(visit: Visit, kind: Kind, desk: Desk) -> tuple[str | None, str | None]:
    """The subject, and the second one where two are tried; nothing where it does not render."""
    try:
        store, scene = _scene(visit, kind, desk)
        templates, words = visit.services.post.templates, desk.words()
        first = wording.draw(templates, store, kind, scene, words)[0].subject
        return first, wording.second_subject(templates, store, kind, scene, words)
    except (TemplateFault, Invalid, NotFound):
        return None, None


def _scene(visit: Visit, kind: Kind, desk: Desk) -> tuple[Store, Scene]:
    """Which email is looked at. Raises NotFound for an order that the store does not have."""
    names = {it.name for it in samples.SAMPLES if it.kind is kind}
    with reading(visit.services.engine) as session:
        store = session.get_one(Store, visit.store_id)
        found = (
            queries.backorder_ids(session, store.id, order_id=desk.order, limit=1) if desk.order else [None]
        )
        if not found:
            raise NotFound(f"This store has no order {desk.order!r}.")
        scene = wording.find_scene(
            session, store, kind, visit.services.links, visit.now,
            backorder_id=found[0], sample=desk.sample if desk.sample in names else None,
            locale=_locale(store, desk.spoken),
        )  # fmt: skip
    return store, scene


def _locale(store: Store, spoken: str) -> LocaleTag:
    """The store's own locale where it speaks that language, for its dates; else the language."""
    return store.locale if language.speak(store.locale).language == spoken else spoken


def _page(
    visit: Visit,
    kind: Kind,
    desk: Desk,
    *,
    done: str = "",
    problem: str = "",
    trial: Trial | None = None,
) -> Page:
    services = visit.services
    with reading(services.engine) as session:
        store = session.get_one(Store, visit.store_id)
        draft = wordings.find_draft(session, store.id, kind)
    own = services.post.wording(store, kind)
    live = own or Wording(services.post.templates.source(kind))
    try:
        found = [_problem(fault) for fault in check_wording(services.post.templates, kind, desk.words())]
    except Invalid as error:
        found = [{"line": 1, "reason": error.detail, "explanation": ""}]
    subject, second = _subjects(visit, kind, desk)
    default = services.post.templates.source(kind)
    nonce = secrets.token_urlsafe(16)
    values = {
        "kind": kind.value,
        "name": plain.kind(kind),
        "kinds": {one.value: plain.kind(one) for one in Kind},
        "desk": desk,
        "translations": json.dumps(desk.translations, ensure_ascii=False),
        "languages": {code: NAMES.get(code, code) for code in language.LANGUAGES},
        "samples": [it.name for it in samples.SAMPLES if it.kind is kind],
        "variables": [it for it in listed(kind) if it.is_text],
        "sentences": _sentences(visit, desk),
        "problems": found,
        "untranslated": untranslated(desk.source, desk.translations, services.post.templates.catalogs),
        "subject": subject,
        "second": second,
        "may_try": kind is MAY_TRY,
        "tries": bool(own and own.experiment),
        "version": store.templates.get(kind.value, 0),
        "draft": draft,
        "changes": _changes(live.source, desk.source),
        "from_default": _changes(default, desk.source) if own else [],
        "done": done,
        "problem": problem,
        "trial": trial,
        "nonce": nonce,
    }
    page = visit.page("studio.html", values, 422 if problem else 200)
    allowed = {
        "script-src": f"'nonce-{nonce}'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "connect-src": "'self'",
    }
    page.headers["Content-Security-Policy"] = "; ".join(
        f"{name} {value}" for name, value in (CSP | allowed).items()
    )
    return page


def _sentences(visit: Visit, desk: Desk) -> Sequence[tuple[str, str, list[str]]]:
    """What can be said otherwise in the language that is looked at: the sentence, how ours says it, and the store."""
    if desk.spoken == language.SOURCE:
        return []
    catalog = visit.services.post.templates.catalogs[desk.spoken]
    own = desk.translations.get(desk.spoken, {})
    found = []
    for sentence, many in sentences(desk.source):
        said = own.get(sentence, "")
        forms = language.plural_forms(desk.spoken) if many else 1
        entered = [said] if isinstance(said, str) else list(said)
        found.append((sentence, catalog.gettext(sentence), (entered + [""] * forms)[:forms]))
    return found


def _problem(fault: TemplateFault) -> dict[str, Any]:
    return {"line": fault.line, "reason": fault.reason, "explanation": RULES[fault.rule]}


def _changes(older: str, newer: str) -> list[tuple[str, str]]:
    """The lines that differ, with those around them: `add`, `drop`, `same`, or `place` for where they stand."""
    kinds = {"+": "add", "-": "drop", " ": "same", "@": "place"}
    _, _, *lines = [*unified_diff(older.splitlines(), newer.splitlines(), lineterm="", n=2)] or ["", ""]
    return [(kinds[line[0]], line if line[0] == "@" else line[1:]) for line in lines]
