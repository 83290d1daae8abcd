"""Where templates run: values are data, and what people write is held to a budget.

The templates that come with Notifier run in `Sandbox`. Those that stores write run in `Guarded`: each turn of a loop,
each call and each piece of text that they make is counted, so that none runs for long or grows large.
"""

import time
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, FileSystemLoader, TemplateNotFound, TemplateSyntaxError, nodes
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import BlockReference, Context, Macro, markup_join, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifier.words.inline import Shared, inline

MAX_CHARACTERS = 2_000_000
"""No honest email comes near; a loop gone wrong is stopped here."""
MAX_STEPS = 100_000
"""Turns of loops, calls and items of lists in one part of an email of a thousand lines: a tenth of this."""
MAX_SECONDS = 2.0
MAX_SOURCE = 100_000
"""Characters of a template; the longest that comes with Notifier has three thousand."""

WRITES_MUCH = ("center", "format", "indent", "slice", "batch", "pprint")
"""Filters that turn a few characters into any number of them."""

OF_TEXT = frozenset(
    "abs capitalize e escape float int lower replace striptags title trim truncate upper urlencode wordcount".split()
)
"""Filters that a store's template may use on one value."""
OF_LISTS = frozenset(
    "count d default first join last length list map max min reject rejectattr reverse select selectattr sort sum "
    "unique".split()
)
"""Those that it may use on several."""


class Sandbox(ImmutableSandboxedEnvironment):
    """A template may read values, not call their methods, nor multiply text."""

    intercepted_binops = frozenset({"*", "**"})

    # Shortcuts for what templates do most, past checks that can't fail there: a third of an email's cost.

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """One dict, which is quicker to copy for each email than the chain of two that Jinja makes."""
        return {**self.globals, **(d or {})}

    ours: frozenset[object] = frozenset()
    """Functions of our own, which need no leave to be called; nor do macros and blocks, the templates' code."""

    parsed: Callable[[str, str | None], nodes.Template]
    """Jinja's step from source to tree, shared by all languages."""
    macros: Callable[["Sandbox"], Shared]

    @cached_property
    def known(self) -> Shared:
        """What is written out when a template is compiled."""
        return self.macros(self)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return self.parsed(source, name)

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
        if left.bit_length() + right.bit_length() > 64:
            raise SecurityError("a number grows too large")
        return left * right


# --- what stores write -----------------------------------------------------------------------------------


@dataclass
class _Budget:
    """What one part of one email may still cost."""

    steps: int = MAX_STEPS
    characters: int = MAX_CHARACTERS
    until: float = field(default_factory=lambda: time.monotonic() + MAX_SECONDS)

    def step(self, number: int = 1) -> None:
        self.steps -= number
        if self.steps < 0:
            raise SecurityError(f"it loops and calls more than {MAX_STEPS:,} times")
        if time.monotonic() > self.until:
            raise SecurityError(f"it runs longer than {MAX_SECONDS:g} seconds")

    def write(self, characters: int) -> None:
        self.characters -= characters
        if self.characters < 0:
            raise SecurityError(f"it makes more than {MAX_CHARACTERS:,} characters of text")


_budget: ContextVar[_Budget] = ContextVar("budget")


@contextmanager
def budget() -> Iterator[None]:
    """Within this, what stores write may cost as much as one part of an email."""
    token = _budget.set(_Budget())
    try:
        yield
    finally:
        _budget.reset(token)


def _turns(items: Iterable[Any]) -> Iterator[Any]:
    spent = _budget.get()
    for item in items:
        spent.step()
        yield item


def _whole(made: Any) -> Any:
    """A list that a template makes may hold others, but not so that it unfolds into very many."""
    _budget.get().step(_weight(made, {}))
    return made


def _weight(made: Any, known: dict[int, int]) -> int:
    if not isinstance(made, list | tuple | dict):
        return 1
    if id(made) not in known:
        items = made.values() if isinstance(made, dict) else made
        known[id(made)] = 1 + sum(_weight(item, known) for item in items)
    return known[id(made)]


def _one(value: Any) -> Any:
    """What can be shown: one value, not a list of them."""
    if isinstance(value, list | tuple | dict):
        raise SecurityError("this is a list; take one of its items, or join them")
    return value


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str) else len(str(_one(value)))


def _joined_html(*pieces: Any) -> str:
    _budget.get().write(sum(map(_length, pieces)))
    return markup_join(pieces)


def _joined_text(*pieces: Any) -> str:
    _budget.get().write(sum(map(_length, pieces)))
    return str_join(pieces)


def _concat(pieces: Iterable[str]) -> str:
    made = list(pieces)
    _budget.get().write(sum(map(len, made)))
    return "".join(made)


def _of_one(name: str) -> Callable[..., Any]:
    """A filter of Jinja's that takes one value, and no list to be written out."""
    filter_ = FILTERS[name]

    def guarded(*args: Any, **kwargs: Any) -> Any:
        for value in args:
            _one(value)
        return filter_(*args, **kwargs)

    guarded.__dict__.update(getattr(filter_, "__dict__", {}))  # what it wants passed besides the value
    return guarded


def _replace(eval_ctx: nodes.EvalContext, text: Any, old: Any, new: Any, count: int | None = None) -> str:
    text, old, new = (value if isinstance(value, str) else str(_one(value)) for value in (text, old, new))
    _budget.get().write(len(text) + (text.count(old) + 1) * len(new))
    made: str = FILTERS["replace"](eval_ctx, text, old, new, count)
    return made


_replace.__dict__.update(FILTERS["replace"].__dict__)


def _join(eval_ctx: nodes.EvalContext, items: Iterable[Any], between: Any = "", attribute: Any = None) -> str:
    if attribute is not None:
        items = FILTERS["map"](eval_ctx, items, attribute=attribute)
    found = [value if isinstance(value, str) else str(_one(value)) for value in items]
    _budget.get().step(len(found))
    _budget.get().write(sum(map(len, found)) + len(found) * _length(between))
    made: str = FILTERS["join"](eval_ctx, found, between)
    return made


_join.__dict__.update(FILTERS["join"].__dict__)


class _Shared(FileSystemLoader):
    """Of the folder, what every template may build on: `_layout.j2` and its like."""

    def get_source(self, environment: Environment, template: str) -> Any:
        if not template.startswith("_"):
            raise TemplateNotFound(template)
        return super().get_source(environment, template)


def shared_files(folder: Path) -> BaseLoader:
    return _Shared(folder)


class Guarded(Sandbox):
    """What a store has written: every loop, call, list and text of it is counted against `budget`."""

    intercepted_binops = frozenset({"*", "**", "+", "%"})
    concat = staticmethod(_concat)

    turns = staticmethod(_turns)
    whole = staticmethod(_whole)
    joined: Callable[..., str]

    def guard(self, part: str) -> None:
        """Take away what needs no counting if it can't be used."""
        for name in ("lipsum", "cycler", "joiner", "dict"):
            del self.globals[name]
        self.filters |= {name: _of_one(name) for name in OF_TEXT} | {"replace": _replace, "join": _join}
        self.joined = _joined_html if part == "html" else _joined_text
        self.finalize = _one
        self.ours |= {self.turns, self.whole, self.joined}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        if name is None or name.startswith("_"):
            return tree
        _refuse(tree)
        counting: nodes.Template = _Counting(self).visited(tree)
        return counting

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        _budget.get().step()
        return super().call(context, obj, *args, **kwargs)

    def call_filter(self, name: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """What `map` asks for by name."""
        if name not in OF_TEXT | OF_LISTS:
            raise SecurityError(f"the filter {name!r} is not for templates of a store")
        return super().call_filter(name, value, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return self.joined(left, right)
        if operator == "+" and isinstance(left, list) and isinstance(right, list):
            return _whole(left + right)
        if operator in ("+", "%"):
            if not (isinstance(left, int | float) and isinstance(right, int | float)):
                raise SecurityError(f"{operator} is for numbers; put texts together with ~")
            return left + right if operator == "+" else left % right
        return super().call_binop(context, operator, left, right)


def _refuse(tree: nodes.Template) -> None:
    """What a store's template must not hold. Raises TemplateSyntaxError with its line."""
    for node in tree.find_all((nodes.Filter, nodes.EvalContextModifier, nodes.For)):
        if isinstance(node, nodes.Filter) and node.name not in OF_TEXT | OF_LISTS:
            allowed = ", ".join(sorted(OF_TEXT | OF_LISTS))
            raise TemplateSyntaxError(
                f"the filter {node.name!r} is not allowed; these are: {allowed}", node.lineno
            )
        if isinstance(node, nodes.EvalContextModifier):
            raise TemplateSyntaxError("autoescape can't be changed: names would become HTML", node.lineno)
        if isinstance(node, nodes.For) and node.recursive:
            raise TemplateSyntaxError("a loop can't be recursive", node.lineno)


class _Counting:
    """Puts the guards around what a template does."""

    def __init__(self, environment: Guarded) -> None:
        self._environment = environment

    def visited(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.visited(item) for item in node]
        if not isinstance(node, nodes.Node):
            return node
        # The name of a file is needed as it is when the template is compiled.
        values = {
            name: value if name == "template" else self.visited(value) for name, value in node.iter_fields()
        }
        new = type(node)(*values.values(), lineno=node.lineno, environment=self._environment)
        if isinstance(new, nodes.For):
            new.iter = self._called("turns", [new.iter], node.lineno)
        elif isinstance(new, nodes.Concat):
            return self._called("joined", new.nodes, node.lineno)
        elif isinstance(new, nodes.List | nodes.Dict) or (isinstance(new, nodes.Tuple) and new.ctx == "load"):
            return self._called("whole", [new], node.lineno)
        return new

    def _called(self, name: str, args: list[Any], line: int) -> nodes.Call:
        guard = nodes.EnvironmentAttribute(name, lineno=line)
        call = nodes.Call(guard, args, [], None, None, lineno=line)
        call.set_environment(self._environment)
        return call
