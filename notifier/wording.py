"""Stores write their own emails: what they publish is checked, kept in versions, and used from the next email on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field, StringConstraints
from sqlalchemy import Engine
from sqlmodel import Session

from notifier.db import facts, wordings
from notifier.db.engine import reading
from notifier.db.facts import Order
from notifier.db.tables import Store
from notifier.db.template_tables import TemplateVersion
from notifier.dispatch import shop_of
from notifier.domain.message import Kind, Said
from notifier.domain.order import Facts
from notifier.errors import Conflict, Fault, Invalid, NotFound
from notifier.fields import LocaleTag
from notifier.inputs import Input
from notifier.links import Links as Pages
from notifier.words import language, samples
from notifier.words.check import check_wording
from notifier.words.context import Links, in_locale, variables
from notifier.words.language import Translations
from notifier.words.render import Rendered, TemplateFault, Templates, Wording
from notifier.words.sandbox import MAX_SOURCE

MOST_KEPT = 256
"""Versions of templates that a process keeps in memory."""

Source = Annotated[str, StringConstraints(min_length=1, max_length=MAX_SOURCE)]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Language = Annotated[str, StringConstraints(min_length=2, max_length=10)]


class Written(Input):
    """A template as somebody writes it."""

    source: Annotated[Source, Field(description="Jinja: the blocks subject, preheader, headline and content")]
    translations: Annotated[
        dict[Language, dict[Sentence, Sentence | list[Sentence]]],
        Field(
            description="By language, how its English sentences are said there, before those that come with Notifier;"
            " a sentence that counts something in all its plural forms"
        ),
    ] = Field(default_factory=dict)

    def wording(self) -> Wording:
        """Raises Invalid, like `wording_of`."""
        return wording_of(self.source, self.translations)


class NewTemplate(Written):
    """A template to be published."""

    base_version: Annotated[
        int | None,
        Field(ge=0, description="The version that this was made from: 409 if another is live by now"),
    ] = None


def wording_of(source: str, translations: Mapping[str, Translations]) -> Wording:
    """Raises Invalid for a language that emails are not written in, or plurals that it does not have."""
    faults = tuple(_faults_of(translations))
    if faults:
        raise Invalid(f"{faults[0].pointer}: {faults[0].detail}", faults)
    return Wording(source, translations)


def _faults_of(translations: Mapping[str, Translations]) -> Iterator[Fault]:
    for spoken, sentences in translations.items():
        if spoken == language.SOURCE or spoken not in language.LANGUAGES:
            others = ", ".join(it for it in language.LANGUAGES if it != language.SOURCE)
            yield Fault(
                f"/translations/{spoken}",
                f"{spoken!r} is no language of translations; there are {others}; English stands in the source",
            )
            continue
        wanted = language.plural_forms(spoken)
        for sentence, said in sentences.items():
            if not isinstance(said, str) and len(said) != wanted:
                place = sentence.replace("~", "~0").replace("/", "~1")
                forms = f"has {len(said)} forms for numbers; {spoken} has {wanted}"
                yield Fault(f"/translations/{spoken}/{place}", forms)


class Published:
    """What stores have published, read once each: a version never changes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read = lru_cache(maxsize=MOST_KEPT)(self._look_up)

    def __call__(self, store: Store, kind: Kind) -> Wording | None:
        """The store's own template of this kind; None where it uses the one that comes with Notifier."""
        number = store.templates.get(kind.value)
        return self._read(store.id, kind, number) if number else None

    def _look_up(self, store_id: str, kind: Kind, number: int) -> Wording:
        with reading(self._engine) as session:
            row = wordings.version(session, store_id, kind, number)
        assert row is not None and row.source is not None  # noqa: S101, PT018  the store's row says that it is live
        return of_version(row)


def of_version(row: TemplateVersion) -> Wording:
    """Raises ValueError for a version that went back to the default, which has no words of its own."""
    if row.source is None:
        raise ValueError(f"version {row.version} of {row.kind} is the default")
    return Wording(row.source, row.translations, row.version)


def checked(templates: Templates, kind: Kind, wording: Wording) -> None:
    """Raises Invalid, with the file, the line and the reason of each fault, for what must not be published.

    Takes a third of a second: call it outside of a transaction.
    """
    if found := check_wording(templates, kind, wording):
        told = tuple(Fault("/source", as_sentence(fault)) for fault in found)
        many = f"the template has {len(found)} fault{'s' * (len(found) != 1)}; the first: "
        raise Invalid(many + told[0].detail, told)


def as_sentence(fault: TemplateFault) -> str:
    """`delay.j2:23: lacks … (rule law)`."""
    return f"{fault} (rule {fault.rule})"


def publish(
    session: Session,
    store_id: str,
    kind: Kind,
    wording: Wording | None,
    by: str,
    now: datetime,
    base: int | None,
) -> TemplateVersion | None:
    """Make this what customers get from now on; None goes back to what comes with Notifier.

    What is live already makes no new version: the answer is then the live one, None where that is the default.
    Raises Conflict where another than the `base` version is live. `wording` must be `checked`.
    """
    store = session.get_one(Store, store_id, with_for_update=True, populate_existing=True)
    number = store.templates.get(kind.value, 0)
    if base is not None and base != number:
        raise Conflict(
            f"base_version: this was made from version {base}, and {number} is live by now; "
            f"look at what changed, and publish with base_version {number}"
        )
    live = wordings.version(session, store_id, kind, number) if number else None
    if wording is None and live is None:
        return None
    if wording is not None and live is not None and of_version(live).digest == wording.digest:
        return live
    source, translations = (wording.source, wording.translations) if wording else (None, {})
    return wordings.publish(session, store, kind, source, translations, by, now)


# --- seeing it -------------------------------------------------------------------------------------------


class Asked(Input):
    """Which email to look at: of a real order, or of a sample; in its customer's language, or another."""

    source: Annotated[Source | None, Field(description="A draft; left out, what is live")] = None
    translations: dict[Language, dict[Sentence, Sentence | list[Sentence]]] = Field(default_factory=dict)
    backorder_id: Annotated[str | None, Field(max_length=100, pattern=r"^[A-Za-z0-9_-]+$")] = None
    sample: Annotated[str | None, Field(max_length=200, description="One of the template's `samples`")] = None
    locale: LocaleTag | None = None

    def draft(self) -> Wording | None:
        """Raises Invalid, like `Written.wording`."""
        return None if self.source is None else wording_of(self.source, self.translations)


@dataclass(frozen=True, slots=True)
class Scene:
    """What an email is about: a real order, or one that nobody made."""

    facts: Facts
    says: Mapping[str, Said]
    about: str
    links: Links
    now: datetime
    law: str


def find_scene(
    session: Session,
    store: Store,
    kind: Kind,
    pages: Pages,
    now: datetime,
    *,
    backorder_id: str | None,
    sample: str | None,
    locale: str | None,
) -> Scene:
    """Of a real order of the store, or of a sample; in that language, or in its customer's, or the store's.

    Raises NotFound for an order that the store does not have, and Invalid like `sample_scene` and `order_scene`.
    """
    if backorder_id is None:
        return sample_scene(kind, sample, locale or store.locale)
    order = facts.load(session, [backorder_id]).get(backorder_id)
    if order is None or order.row.store_id != store.id:
        raise NotFound(f"there is no backorder {backorder_id!r} in this store")
    links = pages.for_email(order.row.id, order.row.link_series, now)
    return order_scene(order, kind, links, locale, now)


def sample_scene(kind: Kind, name: str | None, locale: str) -> Scene:
    """Raises Invalid, naming those that there are, for a sample that this kind does not have."""
    found = {it.name: it for it in samples.SAMPLES if it.kind is kind}
    if name is not None and name not in found:
        detail = f"{name!r} is no sample of {kind}; there are {', '.join(map(repr, found))}"
        raise Invalid(f"sample: {detail}", (Fault("/sample", detail),))
    sample = found[name] if name is not None else next(iter(found.values()))
    facts = in_locale(sample.facts, locale)
    return Scene(facts, sample.says, sample.about, samples.LINKS, samples.NOW, sample.law)


def order_scene(order: Order, kind: Kind, links: Links, locale: str | None, now: datetime) -> Scene:
    """The order's last email of this kind, or one that it could get now.

    Raises Invalid where it can't get any: nothing of it was shipped, cancelled, or sent back.
    """
    facts = in_locale(order.facts, locale) if locale else order.facts
    of_kind = [message for message in facts.messages if message.kind is kind]
    if of_kind:
        last = max(of_kind, key=lambda message: message.due_at)
        return Scene(facts, last.says, last.about, links, now, order.law)
    happened: Mapping[Kind, list[str]] = {
        Kind.SHIPPED: [shipment.id for shipment in facts.shipments],
        Kind.CANCELLED: [cancellation.id for cancellation in facts.cancellations],
        Kind.REFUND: [refund.id for refund in facts.refunds],
    }
    if kind is Kind.PAYMENT and facts.card is None:
        detail = f"order {facts.order_id} has no card that is known to run out; name a sample instead"
        raise Invalid(f"backorder_id: {detail}", (Fault("/backorder_id", detail),))
    if kind not in happened:
        lines = facts.waiting_lines or facts.lines
        return Scene(facts, {line.id: Said(line.eta) for line in lines}, "", links, now, order.law)
    if not happened[kind]:
        detail = f"nothing of order {facts.order_id} is {kind} yet; name a sample instead"
        raise Invalid(f"backorder_id: {detail}", (Fault("/backorder_id", detail),))
    return Scene(facts, {}, happened[kind][-1], links, now, order.law)


def draw(
    templates: Templates,
    store: Store,
    kind: Kind,
    scene: Scene,
    wording: Wording | None,
    *,
    second: bool = False,
) -> tuple[Rendered, Mapping[str, Any]]:
    """The email of this scene, and its values; with the `second` subject that the wording tries, if it does.

    Raises TemplateFault with file and line.
    """
    shop = shop_of(store)
    values = variables(scene.facts, kind, scene.says, scene.about, shop, scene.links, scene.now, scene.law)
    second = second and wording is not None and wording.experiment is not None
    return templates.render(kind, values, scene.facts.customer.locale, wording, second=second), values


def second_subject(
    templates: Templates, store: Store, kind: Kind, scene: Scene, wording: Wording | None
) -> str | None:
    """What the email's subject is for the other half of the orders, where two are tried. Raises TemplateFault."""
    if wording is None or wording.experiment is None:
        return None
    return draw(templates, store, kind, scene, wording, second=True)[0].subject
