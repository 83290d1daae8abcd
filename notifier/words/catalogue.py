"""What a template of each kind may name: its variables, with an example of each from the sample orders."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from gettext import NullTranslations
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes

from notifier.domain.message import Kind
from notifier.words import language
from notifier.words.context import in_locale, variables
from notifier.words.language import Translations
from notifier.words.samples import LINKS, NOW, SAMPLES, SHOP

MEANINGS: Mapping[str, str] = {
    "answer_by": "The last day to answer, the nearest of all lines; none where no answer is needed",
    "cancellation": "What was cancelled: by whom, why, when, and what it cost",
    "card": "The card that runs out: in which month, whether it has, and where to name another",
    "customer": "Who gets the email",
    "days_left": "Whole days until the nearest date, on the customer's calendar; none where no date is known",
    "dir": "Which way the language is written: ltr or rtl",
    "json_ld": "What mail programs read by themselves (schema.org)",
    "kind": "Which kind of email this is",
    "lang": "The language of the email, as de-AT",
    "later": "The other items that still wait",
    "law": "us-ftc, eu or none, by the customer's country",
    "lines": "The items that the email is about",
    "links": "The customer's own page, and what can be done there",
    "news": "What this email tells, the nearest date first; lines that share it stand together",
    "next_word": "By when the customer hears again, where a date is not known; none elsewhere",
    "order": "The order: its number, when it was placed",
    "parcel": "What was shipped: carrier, tracking, when",
    "progress": "Where goods have come to since the last email, and whose; none where nothing is new",
    "refund": "The money that was sent back: how much, when, how",
    "related": "Up to three other products of the shop",
    "shop": "The shop, as its brand says",
    "shop.font": "The fonts that the brand names, if it names some",
    "shop.socials": "The shop's pages elsewhere: name and url of each",
    "shop.voice": "How emails greet and sign off: plain or warm",
    "stream": "What the email is in law: legal, service or waiting",
    "theme": "Colours, made readable, and letters",
    "today": "The day on which it is written, for the customer",
    "waiting": "Whether anything of the order still waits",
}
ALWAYS = frozenset(
    {"part", "put", "parts", "_", "gettext", "ngettext", "caller", "range", "namespace", "loop", "self"}
)
"""What every template knows besides its variables."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One that a template may write. `name` has dots for what lies within, and `[]` for each item of a list."""

    name: str
    type: str
    meaning: str
    example: Any

    @property
    def written(self) -> str:
        """How a template writes it: what lies in each item of a list, in a loop over that list."""
        *lists, last = self.name.split("[]")
        before, after, value = "", "", self.name
        for depth, name in enumerate(lists):
            item = f"one{depth or ''}"
            before += f"{{% for {item} in {value if depth else name} %}}"
            after += " {% endfor %}"
            value = item + (lists[depth + 1] if depth + 1 < len(lists) else last)
        joined = '|join(", ")' if self.type == "list" else ""
        return f"{before}{{{{ {value}{joined} }}}}{after}"

    @property
    def is_text(self) -> bool:
        """Whether an email can say it as it is."""
        return self.type != "object" and not (
            self.type == "list" and self.example and isinstance(self.example[0], dict)
        )


@cache
def listed(kind: Kind) -> tuple[Variable, ...]:
    """All variables of a kind, each with the first example that is not empty."""
    return tuple(
        Variable(name, _type(example), MEANINGS.get(name, ""), example)
        for name, example in _flat("", _merged([_values(kind, at) for at in range(len(SAMPLES))]))
    )


def unknown_variables(kind: Kind, source: str) -> Iterator[tuple[int, str]]:
    """Names that no email of this kind has, with their lines. `source` must be a template that can be read."""
    tree = Environment(autoescape=True).parse(source)
    known = _merged([_values(kind, at) for at in range(len(SAMPLES))])
    given = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
    given |= {macro.name for macro in tree.find_all(nodes.Macro)}
    given |= {module.target for module in tree.find_all(nodes.Import)}
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name not in known.keys() | given | ALWAYS:
            yield name.lineno, f"there is no variable {name.name!r}; there are {', '.join(sorted(known))}"
    for found in tree.find_all(nodes.Getattr):
        path = _path(found)
        if path and path[0] in known and path[0] not in given:
            wrong = _missing(known, path)
            if wrong:
                yield found.lineno, wrong


def _values(kind: Kind, at: int) -> dict[str, Any]:
    sample = SAMPLES[at]
    if sample.kind is not kind:
        return {}
    facts = in_locale(sample.facts, "en-US")
    return variables(facts, kind, sample.says, sample.about, SHOP, LINKS, NOW, sample.law)


def _merged(values: Sequence[Any]) -> Any:
    """One value that has all that any of these has; of lists, one item."""
    filled = [value for value in values if value not in (None, "", [], {})]
    if not filled:
        return next((value for value in values if value is not None), None)
    if all(isinstance(value, dict) for value in filled):
        names = dict.fromkeys(name for value in filled for name in value)
        return {name: _merged([value[name] for value in filled if name in value]) for name in names}
    if all(isinstance(value, list) for value in filled):
        return [_merged([item for value in filled for item in value])]
    return filled[0]


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if name:
        yield name, value
    if name == "json_ld":
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else key, inner)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for key, inner in value[0].items():
            yield from _flat(f"{name}[].{key}", inner)


def _type(value: Any) -> str:
    names = {dict: "object", list: "list", bool: "yes or no", int: "number", str: "text"}
    return names.get(type(value), "none")


def _path(node: nodes.Node) -> tuple[str, ...]:
    """`order.placed.text` as its parts; nothing where it is more than names."""
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr) and (above := _path(node.node)):
        return (*above, node.attr)
    return ()


def _missing(known: Mapping[str, Any], path: tuple[str, ...]) -> str | None:
    here: Any = known
    for depth, name in enumerate(path):
        if not isinstance(here, dict):
            return None  # a list's own, or what is empty in every sample: rendering tells
        if name not in here:
            return f"{'.'.join(path[:depth])} has no {name!r}; it has {', '.join(sorted(here))}"
        here = here[name]
    return None


def untranslated(
    source: str, own: Mapping[str, Translations], catalogs: Mapping[str, NullTranslations]
) -> Mapping[str, list[str]]:
    """By language, the sentences of a template that are sent in English, as neither its `own` translations nor the
    catalogs have them.
    """
    written = [sentence for sentence, _ in sentences(source)]
    found = {
        spoken: [it for it in written if it not in own.get(spoken, {}) and catalog.gettext(it) == it]
        for spoken, catalog in catalogs.items()
        if spoken != language.SOURCE
    }
    return {spoken: missing for spoken, missing in found.items() if missing}


def sentences(source: str | nodes.Node) -> Sequence[tuple[str, bool]]:
    """What a template, or a part of one, has translated, each once, and whether it counts something."""
    return list(dict.fromkeys(_sentences(source)))


def _sentences(source: str | nodes.Node) -> Iterator[tuple[str, bool]]:
    try:
        tree = Environment(autoescape=True).parse(source) if isinstance(source, str) else source
    except TemplateSyntaxError:  # which the check tells
        return
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in ("_", "gettext", "ngettext"):
            match call.args:
                case [nodes.Const(value=str(sentence)), *_]:
                    yield sentence, call.node.name == "ngettext"
