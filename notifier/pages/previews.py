"""Every kind of email, from sample orders, in every language: how it looks on a phone, in the dark, and wide."""

from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from notifier import wording
from notifier.db.engine import reading
from notifier.db.tables import Store
from notifier.domain.message import Kind
from notifier.errors import NotFound
from notifier.pages import plain
from notifier.pages.html import EMAIL_CSP, Page, PageRoute
from notifier.pages.session import SignedIn, Visit
from notifier.words import samples
from notifier.words.language import LANGUAGES
from notifier.words.render import Rendered, TemplateFault

NAMES = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "pl": "Polski",
    "ar": "العربية",
    "ja": "日本語",
}
ALL = "all"
Scheme = Literal["light", "dark"]
DARK = "(prefers-color-scheme:dark)"

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/console/templates")
def previews_page(visit: SignedIn, kind: Kind = Kind.EXPECTATION, sample: str = "", lang: str = "en") -> Page:
    of_kind = [one for one in samples.SAMPLES if one.kind is kind]
    chosen = next((one for one in of_kind if one.name == sample), of_kind[0])
    spoken = lang if lang in LANGUAGES else LANGUAGES[0]
    email, fault = None, ""
    try:
        email = _render(visit, chosen, spoken)
    except TemplateFault as problem:
        fault = str(problem)
    values = {
        "kinds": {one.value: plain.kind(one) for one in Kind},
        "samples": {one.name: one.name for one in of_kind},
        "languages": {code: NAMES.get(code, code) for code in LANGUAGES},
        "kind": kind.value,
        "sample": chosen.name,
        "lang": spoken,
        "email": email,
        "fault": fault,
    }
    return visit.page("previews.html", values)


@router.get("/console/templates/gallery")
def gallery_page(visit: SignedIn, lang: str = "", kind: Kind | None = None) -> Page:
    """All kinds in one language at a glance, or one kind in all; with `lang=all`, every kind in each."""
    spoken = lang if lang in (*LANGUAGES, ALL) else LANGUAGES[0]
    shown = [
        (one, code)
        for one in ([kind] if kind else Kind)
        for code in (LANGUAGES if kind or spoken == ALL else [spoken])
    ]
    first = {one: next(it.name for it in samples.SAMPLES if it.kind is one) for one in Kind}
    values = {
        "kinds": {one.value: plain.kind(one) for one in Kind},
        "languages": {code: NAMES.get(code, code) for code in LANGUAGES},
        "kind": kind.value if kind else "",
        "lang": spoken,
        "shown": [
            {"kind": one.value, "name": plain.kind(one), "lang": code, "sample": first[one]}
            for one, code in shown
        ],
    }
    return visit.page("gallery.html", values)


@router.get("/console/templates/email")
def preview(visit: SignedIn, kind: Kind, sample: str, lang: str, scheme: Scheme) -> Response:
    """One email's HTML, in the scheme asked for, whatever the reader's own system prefers."""
    chosen = next((one for one in samples.SAMPLES if (one.kind, one.name) == (kind, sample)), None)
    if chosen is None or lang not in LANGUAGES:
        raise NotFound("There is no such sample.")
    html = in_scheme(_render(visit, chosen, lang).html, scheme)
    return HTMLResponse(html, headers={"Content-Security-Policy": EMAIL_CSP})


def in_scheme(html: str, scheme: Scheme) -> str:
    """An email as it looks in this scheme, whatever the reader's own system prefers."""
    return html.replace(DARK, "all" if scheme == "dark" else "not all").replace(
        "color-scheme:light dark", f"color-scheme:{scheme}"
    )


def _render(visit: Visit, sample: samples.Sample, lang: str) -> Rendered:
    """Raises TemplateFault with file and line."""
    with reading(visit.services.engine) as session:
        store = session.get_one(Store, visit.store_id)
    post, kind = visit.services.post, sample.kind
    scene = wording.sample_scene(kind, sample.name, lang)
    return wording.draw(post.templates, store, kind, scene, post.wording(store, kind))[0]
