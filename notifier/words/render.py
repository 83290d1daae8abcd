"""Templates to emails: one compiled Jinja2 source per kind gives the subject, the HTML and the text."""

import hashlib
import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from gettext import NullTranslations
from pathlib import Path
from traceback import walk_tb
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.runtime import BlockReference, Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from notifier.domain.message import WAITING_SERIES, Kind
from notifier.errors import Misconfigured
from notifier.words import language
from notifier.words.inline import Shared, inline, macros_of

Part = Literal["html", "text"]
PARTS: tuple[Part, ...] = ("html", "text")
BLOCKS = ("subject", "preheader", "headline", "content")
"""What a template fills."""

MAX_CHARACTERS = 2_000_000
"""No honest email comes near; a loop gone wrong is stopped here."""

_WRITES_MUCH = ("center", "format", "indent", "slice", "batch", "pprint")
"""Filters that turn a few characters into any number of them."""

_SYNTAX = {"trim_blocks": True, "lstrip_blocks": True}

_BLANK_LINES = re.compile(r"\n{3,}")


class TemplateFault(Exception):
    """A template that can't be rendered: where, and why."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}")
        self.file, self.line, self.reason = file, line, reason


@dataclass(frozen=True)
class Rendered:
    """An email's words. `template_version` names the very sources that they came from."""

    subject: str
    html: str
    text: str
    template_version: str
    headers: Mapping[str, str]


class Templates:
    """The templates of a folder, read once; each is compiled when first used, per language and part.

    Raises Misconfigured when the folder lacks a template.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self._sources = {kind: (folder / f"{kind}.j2").read_text("utf-8") for kind in Kind}
        except OSError as error:
            raise Misconfigured(
                f"NOTIFIER_TEMPLATES_DIR: can't read {error.filename}: {error.strerror}"
            ) from None
        shared = sorted([*folder.glob("_*.j2"), *(folder / "locales").glob("*.po")])
        self._shared = hashlib.sha256(b"".join(path.read_bytes() for path in shared))
        translations = language.catalogs(folder / "locales")
        self._environments = {
            (spoken, part): _environment(folder, catalog, part)
            for spoken, catalog in translations.items()
            for part in PARTS
        }
        # Stores publish templates of their own; compiling one costs as much as rendering it many times.
        self._compiled = lru_cache(maxsize=1024)(self._compile)
        self._version = lru_cache(maxsize=1024)(self._hash)

    def source(self, kind: Kind) -> str:
        """The template of that kind as it is written."""
        return self._sources[kind]

    def render(self, kind: Kind, variables: Mapping[str, Any], locale: str) -> Rendered:
        """The email in the language of `locale`, which is the one that `variables` are spelled in.

        Raises TemplateFault.
        """
        return self.preview(kind, self._sources[kind], variables, locale)

    def preview(self, kind: Kind, source: str, variables: Mapping[str, Any], locale: str) -> Rendered:
        """The same from another source: a draft, or what a store has published. Raises TemplateFault."""
        spoken = language.speak(locale).language
        _, html = self._write(kind, source, spoken, "html", variables)
        subject, text = self._write(kind, source, spoken, "text", variables)
        return Rendered(
            subject=" ".join(subject.split()),
            html=html.strip() + "\n",
            text=_BLANK_LINES.sub("\n\n", text).strip() + "\n",
            template_version=self._version(source),
            headers=_headers(kind, variables),
        )

    def _write(
        self, kind: Kind, source: str, spoken: str, part: Part, variables: Mapping[str, Any]
    ) -> tuple[str, str]:
        """The subject, for the text part, and the whole of the part."""
        template = self._compiled(kind, source, spoken, part)
        context = template.new_context(dict(variables))
        pieces: list[str] = []
        length = 0
        try:
            for piece in template.root_render_func(context):
                pieces.append(piece)
                length += len(piece)
                if length > MAX_CHARACTERS:
                    raise SecurityError(f"the {part} part is longer than {MAX_CHARACTERS:,} characters")
            # The HTML part has the subject in its title; the header takes the plain one.
            subject = "".join(context.blocks["subject"][0](context)) if part == "text" else ""
        except Exception as error:
            raise _fault(error, f"{kind}.j2") from error
        return subject, "".join(pieces)

    def _compile(self, kind: Kind, source: str, spoken: str, part: Part) -> Template:
        environment = self._environments[spoken, part]
        try:
            code = environment.compile(source, f"{kind}.j2", f"{kind}.j2")
        except TemplateSyntaxError as error:
            raise _fault(error, f"{kind}.j2") from error
        template = Template.from_code(environment, code, environment.make_globals(None))
        if missing := [block for block in BLOCKS if block not in template.blocks]:
            raise TemplateFault(f"{kind}.j2", 1, f"lacks {{% block {missing[0]} %}}")
        return template

    def _hash(self, source: str) -> str:
        version = self._shared.copy()
        version.update(source.encode())
        return version.hexdigest()[:12]


def _environment(folder: Path, translations: NullTranslations, part: Part) -> "_Sandbox":
    """One per language and part, so that words are looked up, and escaped, by what was compiled once."""
    environment = _Sandbox(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=part == "html",
        auto_reload=False,
        **_SYNTAX,
    )
    for name in _WRITES_MUCH:
        del environment.filters[name]
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    environment.globals["part"] = part
    safe, quote = (Markup, escape) if part == "html" else (str, str)
    gettext, ngettext = _translators(translations, safe, quote)
    environment.globals |= {"_": gettext, "gettext": gettext, "ngettext": ngettext}
    environment.ours = frozenset({gettext, ngettext})
    environment.folder, environment.say, environment.safe = folder, translations.gettext, safe
    return environment


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


class _Sandbox(ImmutableSandboxedEnvironment):
    """Values are data: a template may read them, not call their methods, nor multiply text."""

    intercepted_binops = frozenset({"*", "**"})

    # Shortcuts for what templates do most, past checks that can't fail there: a third of an email's cost.

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """One dict, which is quicker to copy for each email than the chain of two that Jinja makes."""
        return {**self.globals, **(d or {})}

    ours: frozenset[object] = frozenset()
    """Functions of our own, which need no leave to be called; nor do macros and blocks, the templates' code."""

    folder: Path
    say: Callable[[str], str]
    safe: Callable[[str], str]

    @cached_property
    def known(self) -> Shared:
        """What is written out when a template is compiled."""
        part = str(self.globals["part"])
        files = {"put": f"_{part}.j2", "parts": "_parts.j2"}
        macros = {
            name: _macros(name, file, (self.folder / file).read_text("utf-8")) for name, file in files.items()
        }
        return Shared(self, files, macros, {"part": part}, self.say, self.safe)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """Jinja's step from source to tree."""
        return _parsed(source, name)

    def _generate(self, source: nodes.Template, name: str | None, *args: Any, **kwargs: Any) -> str:
        """Jinja's step from a parsed template to Python."""
        if name not in self.known.files.values():
            source = inline(source, self.known)
        return super()._generate(source, name, *args, **kwargs)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict:
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if type(obj) is TemplateModule and attribute in obj.__dict__ and attribute[0] != "_":
            return obj.__dict__[attribute]
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        plain = isinstance(obj, str | int | float | list | tuple)
        return not plain and super().is_safe_attribute(obj, attr, value)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        macro = type(obj) is Macro
        if not macro and type(obj) is not BlockReference and obj not in self.ours:
            return super().call(context, obj, *args, **kwargs)
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        return obj(context.eval_ctx, *args, **kwargs) if macro else obj(*args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not (isinstance(left, int) and isinstance(right, int)):
            raise SecurityError(
                f"{operator} is for whole numbers only" if operator == "*" else "** is not allowed"
            )
        return left * right


def _fault(error: Exception, file: str) -> TemplateFault:
    """Where it went wrong: the innermost line of the kind's own template, else of the shared ones."""
    if isinstance(error, TemplateSyntaxError):
        return TemplateFault(error.name or file, error.lineno, error.message or "syntax error")
    lines = [
        (template.name, template.get_corresponding_lineno(line))
        for frame, line in walk_tb(error.__traceback__)
        if (template := frame.f_globals.get("__jinja_template__")) is not None
    ]
    # The first frame is the template's root, which stands on its `extends` all the while.
    own = [place for place in lines[1:] if place[0] == file]
    name, line = (own or lines or [(file, 1)])[-1]
    return TemplateFault(name, line, f"{type(error).__name__}: {error}")


def _headers(kind: Kind, variables: Mapping[str, Any]) -> Mapping[str, str]:
    headers = {"Content-Language": str(variables["lang"])}
    if kind in WAITING_SERIES:
        # One-click unsubscribe, RFC 8058: mailbox providers POST to this address themselves.
        headers["List-Unsubscribe"] = f"<{variables['links']['unsubscribe']}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers
