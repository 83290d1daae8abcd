"""Templates to emails: one compiled Jinja2 source per kind gives the subject, the HTML and the text."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from gettext import NullTranslations
from itertools import islice
from pathlib import Path
from traceback import walk_tb
from typing import Any, Literal, TypeVar

import orjson
from jinja2 import Environment, StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from markupsafe import Markup, escape

from notifier.domain.message import WAITING_SERIES, Kind
from notifier.errors import Misconfigured
from notifier.words import language, trying
from notifier.words.inline import Shared, macros_of
from notifier.words.language import Translations
from notifier.words.sandbox import (
    MAX_CHARACTERS,
    MAX_SOURCE,
    WRITES_MUCH,
    Guarded,
    Sandbox,
    budget,
    shared_files,
)

Part = Literal["html", "text"]
PARTS: tuple[Part, ...] = ("html", "text")
_S = TypeVar("_S", bound=Sandbox)
LETTERS = ("digest",)
"""Emails to stores themselves."""
BLOCKS = ("subject", "preheader", "headline", "content")
"""What a template fills."""

MOST_COMPILED = 1024
"""Templates of stores that are kept compiled, each in one language and part."""

_SYNTAX = {"trim_blocks": True, "lstrip_blocks": True}

AT_ONCE = 20
"""How many pieces of an email are put together before its length is looked at."""

_BLANK_LINES = re.compile(r"\n{3,}")


class TemplateFault(Exception):
    """A template that can't be rendered, or breaks the rule of that name: where, and why.

    One that does not even compile fails for every order alike.
    """

    def __init__(
        self, file: str, line: int, reason: str, rule: str = "renders", *, compiles: bool = True
    ) -> None:
        super().__init__(f"{file}:{line}: {reason}")
        self.file, self.line, self.reason, self.rule = file, line, reason, rule
        self.compiles = compiles


@dataclass(frozen=True)
class Rendered:
    """An email's words. `template_version` names the very sources that they came from."""

    subject: str
    html: str
    text: str
    template_version: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Wording:
    """A template that a store has written, or is writing.

    `translations` go before those that come with Notifier: by language, the English sentence and how it is said there,
    in as many forms as the language has for numbers where it counts something. `version` counts what was published.
    """

    source: str
    translations: Mapping[str, Translations] = field(default_factory=dict)
    version: int = 0

    @cached_property
    def digest(self) -> str:
        words = json.dumps(self.translations, sort_keys=True)
        return hashlib.sha256(f"{words}\n{self.source}".encode()).hexdigest()

    @cached_property
    def experiment(self) -> str | None:
        """Which two subjects it tries, if it has two."""
        return trying.experiment(self.source, self.translations)


class Templates:
    """The templates of a folder, read once; each is compiled when first used, per language and part.

    Raises Misconfigured when the folder lacks a template.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self._sources = {kind: (folder / f"{kind}.j2").read_text("utf-8") for kind in Kind}
            self._letters = {name: (folder / f"{name}.j2").read_text("utf-8") for name in LETTERS}
        except OSError as error:
            raise Misconfigured(
                f"NOTIFIER_TEMPLATES_DIR: can't read {error.filename}: {error.strerror}"
            ) from None
        shared = sorted([*folder.glob("_*.j2"), *(folder / "locales").glob("*.po")])
        self._shared = hashlib.sha256(b"".join(path.read_bytes() for path in shared))
        self.catalogs = language.catalogs(folder / "locales")
        self._ours = {
            (spoken, part): _environment(Sandbox, folder, catalog, part)
            for spoken, catalog in self.catalogs.items()
            for part in PARTS
        }
        self._guarded = {
            (spoken, part): _guarded(folder, catalog, part)
            for spoken, catalog in self.catalogs.items()
            for part in PARTS
        }
        self._compiled = lru_cache(maxsize=None)(self._compile)
        # Stores publish templates of their own; compiling one costs as much as rendering it many times.
        self._compiled_theirs: dict[tuple[str, Kind, str, Part], Template] = {}
        self._version = lru_cache(maxsize=1024)(self._hash)

    def source(self, kind: Kind) -> str:
        """The template of that kind as it is written."""
        return self._sources[kind]

    def render(
        self,
        kind: Kind,
        variables: Mapping[str, Any],
        locale: str,
        wording: Wording | None = None,
        *,
        second: bool = False,
    ) -> Rendered:
        """The email in the language of `locale`, which is the one that `variables` are spelled in: as it comes with
        Notifier, or in the `wording` of a store, with the `second` subject that it tries.

        Raises TemplateFault.
        """
        spoken = language.speak(locale).language
        _, html = self._write(kind, wording, spoken, "html", variables, second)
        subject, text = self._write(kind, wording, spoken, "text", variables, second)
        return Rendered(
            subject=" ".join(subject.split()),
            html=html.strip() + "\n",
            text=_tidy(text),
            template_version=self._version(wording.digest if wording else self._sources[kind]),
            headers=_headers(kind, variables),
        )

    def letter(self, name: str, variables: Mapping[str, Any], locale: str) -> Rendered:
        """An email to a store itself, in the language of `locale`. Raises TemplateFault."""
        spoken, source = language.speak(locale).language, self._letters[name]
        _, html = self._run(_compiled(self._ours[spoken, "html"], name, source), name, "html", variables)
        subject, text = self._run(
            _compiled(self._ours[spoken, "text"], name, source), name, "text", variables
        )
        return Rendered(
            subject=" ".join(subject.split()),
            html=html.strip() + "\n",
            text=_tidy(text),
            template_version=self._version(source),
            headers={"Content-Language": str(variables["lang"])},
        )

    def _write(
        self,
        kind: Kind,
        wording: Wording | None,
        spoken: str,
        part: Part,
        variables: Mapping[str, Any],
        second: bool,
    ) -> tuple[str, str]:
        """The subject, for the text part, and the whole of the part."""
        template = (
            self._theirs(kind, wording, spoken, part) if wording else self._compiled(kind, spoken, part)
        )
        return self._run(template, kind, part, variables, second)

    def _run(
        self, template: Template, name: str, part: Part, variables: Mapping[str, Any], second: bool = False
    ) -> tuple[str, str]:
        context = template.new_context(dict(variables))
        if second:  # what the frame shows as the title, too
            context.blocks[trying.FIRST] = context.blocks[trying.SECOND]
        whole, stream = "", template.root_render_func(context)
        try:
            with budget():
                while some := list(islice(stream, AT_ONCE)):
                    whole += "".join(some)
                    if len(whole) > MAX_CHARACTERS:
                        raise SecurityError(f"the {part} part is longer than {MAX_CHARACTERS:,} characters")
                # The HTML part has the subject in its title; the header takes the plain one.
                subject = "".join(context.blocks["subject"][0](context)) if part == "text" else ""
        except Exception as error:
            raise _fault(error, f"{name}.j2") from error
        return subject, whole

    def _compile(self, kind: Kind, spoken: str, part: Part) -> Template:
        return _compiled(self._ours[spoken, part], kind, self._sources[kind])

    def _theirs(self, kind: Kind, wording: Wording, spoken: str, part: Part) -> Template:
        key = wording.digest, kind, spoken, part
        found = self._compiled_theirs.pop(key, None)
        if found is None:
            environment: Sandbox = self._guarded[spoken, part]
            if own := wording.translations.get(spoken):
                first = language.catalog(own, spoken, self.catalogs[spoken])
                environment = _guarded(self.folder, first, part)
            found = _compiled(environment, kind, wording.source)
        self._compiled_theirs[key] = found  # to the end: the longest unused stand first
        while len(self._compiled_theirs) > MOST_COMPILED:
            self._compiled_theirs.pop(next(iter(self._compiled_theirs)), None)
        return found

    def _hash(self, source: str) -> str:
        version = self._shared.copy()
        version.update(source.encode())
        return version.hexdigest()[:12]


def _compiled(environment: Sandbox, kind: str, source: str) -> Template:
    file = f"{kind}.j2"
    if len(source) > MAX_SOURCE:
        reason = f"has {len(source):,} characters, more than {MAX_SOURCE:,}"
        raise TemplateFault(file, 1, reason, "size", compiles=False)
    try:
        with budget():
            code = environment.compile(source, file, file)
    except Exception as error:  # whatever nesting or numbers can make Jinja's and Python's compilers say
        raise _fault(error, file, compiles=False) from error
    template = Template.from_code(environment, code, environment.make_globals(None))
    if missing := [block for block in BLOCKS if block not in template.blocks]:
        raise TemplateFault(file, 1, f"lacks {{% block {missing[0]} %}}", compiles=False)
    return template


def _guarded(folder: Path, translations: NullTranslations, part: Part) -> Guarded:
    environment = _environment(Guarded, folder, translations, part)
    environment.guard(part)
    return environment


def _environment(kind: type[_S], folder: Path, translations: NullTranslations, part: Part) -> _S:
    """One per language and part, so that words are looked up, and escaped, by what was compiled once."""
    environment = kind(
        loader=shared_files(folder),
        undefined=StrictUndefined,
        autoescape=part == "html",
        auto_reload=False,
        **_SYNTAX,
    )
    for name in WRITES_MUCH:
        del environment.filters[name]
    environment.policies["json.dumps_kwargs"] = {}
    environment.policies["json.dumps_function"] = lambda value: orjson.dumps(value).decode()
    environment.globals["part"] = part
    safe, quote = (Markup, escape) if part == "html" else (str, str)
    gettext, ngettext = _translators(translations, safe, quote)
    environment.globals |= {"_": gettext, "gettext": gettext, "ngettext": ngettext}
    environment.ours = frozenset({gettext, ngettext})
    environment.parsed = _parsed
    environment.macros = partial(_written_out, folder, part, translations.gettext, safe)
    return environment


def _written_out(
    folder: Path, part: Part, say: Callable[[str], str], safe: Callable[[str], str], environment: Sandbox
) -> Shared:
    """The macros that every template knows."""
    files = {"put": f"_{part}.j2", "parts": "_parts.j2"}
    macros = {name: _macros(name, file, (folder / file).read_text("utf-8")) for name, file in files.items()}
    return Shared(environment, files, macros, {"part": part}, say, safe)


# The same in every language, so these are not among an environment's own.


@lru_cache(maxsize=64)
def _parsed(source: str, name: str | None) -> nodes.Template:
    return Environment(**_SYNTAX, autoescape=True).parse(source, name, name)  # type: ignore[arg-type]  # flags of one type


@lru_cache(maxsize=64)
def _macros(module: str, file: str, source: str) -> Mapping[str, nodes.Macro]:
    return macros_of(module, _parsed(source, file).body)


def _translators(
    translations: NullTranslations, write: Callable[[str], str], quote: Callable[[Any], str]
) -> tuple[Callable[..., str], Callable[..., str]]:
    """What Jinja's i18n extension calls newstyle gettext: `quote` escapes what goes into a sentence."""

    @lru_cache(maxsize=4096)
    def sentence(message: str) -> str:
        return write(translations.gettext(message) % {})

    def fill(words: str, values: Mapping[str, object]) -> str:
        return write(words % {name: quote(value) for name, value in values.items()})

    def gettext(message: str, /, **values: object) -> str:
        return fill(translations.gettext(message), values) if values else sentence(message)

    def ngettext(one: str, many: str, num: int, /, **values: object) -> str:
        return fill(translations.ngettext(one, many, num), {"num": num} | values)

    return gettext, ngettext


def _fault(error: Exception, file: str, *, compiles: bool = True) -> TemplateFault:
    """Where it went wrong: the innermost line of the kind's own template, else of the shared ones."""
    if isinstance(error, TemplateSyntaxError):
        return TemplateFault(
            error.name or file, error.lineno, error.message or "syntax error", compiles=compiles
        )
    lines = [
        (template.name, template.get_corresponding_lineno(line))
        for frame, line in walk_tb(error.__traceback__)
        if (template := frame.f_globals.get("__jinja_template__")) is not None
    ]
    # The first frame is the template's root, which stands on its `extends` all the while.
    own = [place for place in lines[1:] if place[0] == file]
    name, line = (own or lines or [(file, 1)])[-1]
    return TemplateFault(name, line, f"{type(error).__name__}: {error}", compiles=compiles)


def _tidy(text: str) -> str:
    return (_BLANK_LINES.sub("\n\n", text) if "\n\n\n" in text else text).strip() + "\n"


def _headers(kind: Kind, variables: Mapping[str, Any]) -> Mapping[str, str]:
    headers = {"Content-Language": str(variables["lang"])}
    if kind in WAITING_SERIES:
        # One-click unsubscribe, RFC 8058: mailbox providers POST to this address themselves.
        headers["List-Unsubscribe"] = f"<{variables['links']['unsubscribe']}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers
