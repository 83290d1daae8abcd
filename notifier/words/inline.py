"""Writes shared macros and translated sentences out into a template when it is compiled.

A template says `put.button(_("See your order"), links.order)`. To call that macro for each email costs many times
what joining its HTML does, so the macro's body is put in place of the call, and the translation in place of the
sentence: what is left to do for each email is to fill in the facts. What can't be written out stays a call with the
same result. Line numbers stay those of the call, so that an error is named where the template's author can mend it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import count
from typing import Any

from jinja2 import Environment, nodes

TRANSLATE = ("_", "gettext")
_PIECE = re.compile(r"%\((\w+)\)s|((?:[^%]|%%)+)|(%)")
"""Of a sentence: a gap with its name, words, or what is neither."""
_TIED = (nodes.Macro, nodes.NSRef, nodes.Import, nodes.FromImport, nodes.Include, nodes.Block)
"""A macro that holds one of these can't be moved elsewhere."""


@dataclass(frozen=True)
class Shared:
    """The modules of macros that every template knows, by name, in the order in which they are imported.

    `fixed` are names whose value is known when compiling; `say` translates a sentence, `safe` marks it as such.
    """

    environment: Environment
    files: Mapping[str, str]
    macros: Mapping[str, Mapping[str, nodes.Macro]]
    fixed: Mapping[str, str]
    say: Callable[[str], str]
    safe: Callable[[str], str]

    @cached_property
    def names(self) -> set[str]:
        """Every name whose meaning is taken for granted when a macro or a sentence is written out."""
        macros = [macro for module in self.macros.values() for macro in module.values()]
        free = {name for macro in macros for name in _free(macro)}
        return {*free, *self.files, *self.fixed, *TRANSLATE}


def macros_of(module: str, body: Sequence[nodes.Node]) -> Mapping[str, nodes.Macro]:
    """The macros of a parsed file that can be written out elsewhere, where they name each other by their module."""
    macros = [node for node in body if isinstance(node, nodes.Macro)]
    own = _stored([node for node in body if not isinstance(node, nodes.Macro)])
    siblings: dict[str, nodes.Expr] = {
        macro.name: nodes.Getattr(nodes.Name(module, "load"), macro.name, "load") for macro in macros
    }
    return {
        macro.name: _copy(
            macro, {name: siblings[name] for name in siblings.keys() - _stored(macro.args + macro.body)}
        )
        for macro in macros
        if not any(tied for part in macro.body for tied in part.find_all(_TIED))
        and not _loaded([macro]) & (own | {"varargs", "kwargs"})
        and all(isinstance(default, nodes.Const | nodes.List) for default in macro.defaults)
        and _uses(macro.body, "caller") <= 1
    }


def inline(template: nodes.Template, shared: Shared) -> nodes.Template:
    """A copy of the template with everything written out that can be.

    Nothing is in one that gives a name of `shared` another meaning.
    """
    body = [node for node in template.body if not _is_import(node, shared)]
    if _stored(body) & shared.names:
        return _copy(template, {})  # type: ignore[no-any-return]  # of the node's own type
    writer = _Writer(shared)
    known: dict[str, nodes.Expr] = {name: nodes.Const(value) for name, value in shared.fixed.items()}
    written = nodes.Template(writer.statements([writer.told(node, known) for node in body]), lineno=1)
    holders: list[nodes.Template | nodes.Block] = [written, *written.find_all(nodes.Block)]
    for holder in holders:
        inner = [node for node in holder.body if not isinstance(node, nodes.Block)]
        if _loaded(inner) & shared.files.keys():
            holder.body[:0] = [
                nodes.Import(nodes.Const(file), name, True, lineno=1) for name, file in shared.files.items()
            ]
    written.set_environment(shared.environment)
    return written


def _is_import(node: nodes.Node, shared: Shared) -> bool:
    if not isinstance(node, nodes.Import) or node.target not in shared.files:
        return False
    known: dict[str, nodes.Expr] = {name: nodes.Const(value) for name, value in shared.fixed.items()}
    file: nodes.Expr = _copy(node.template, known)
    return bool(file.as_const(nodes.EvalContext(shared.environment)) == shared.files[node.target])


class _Writer:
    """Writes one template out. `open` are the macros being written, so that none is written into itself."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._numbers = count()
        self._open: list[nodes.Macro] = []
        self._callers: dict[str, list[nodes.Node]] = {}

    def told(self, node: Any, names: Mapping[str, nodes.Expr], line: int | None = None) -> Any:
        """A copy in which sentences without gaps are translated."""
        return _copy(node, names, line, self._plain_sentence)

    def statements(self, body: Sequence[nodes.Node]) -> list[nodes.Node]:
        written: list[nodes.Node] = []
        for node in body:
            for new in self._statement(node):
                if isinstance(new, nodes.Output) and written and isinstance(written[-1], nodes.Output):
                    written[-1].nodes = [*written[-1].nodes, *new.nodes]
                else:
                    written.append(new)
        return written

    def _statement(self, node: nodes.Node) -> list[nodes.Node]:
        if isinstance(node, nodes.Output):
            return [new for child in node.nodes for new in self._shown(child)]
        if isinstance(node, nodes.If) and not node.elif_:
            chosen = self._chosen(node)
            if chosen is not None:
                return self.statements(chosen)
        if isinstance(node, nodes.CallBlock) and not node.args:
            written = self._called(node.call, node.body)
            if written is not None:
                return written
        for name, value in node.iter_fields():
            if isinstance(value, list) and value and isinstance(value[0], nodes.Stmt):
                setattr(node, name, self.statements(value))
        return [node]

    def _chosen(self, question: nodes.If) -> list[nodes.Node] | None:
        """Which way it goes, where that is known when compiling. None where it is not, or a name gets a meaning."""
        if not isinstance(question.test, nodes.Expr):
            return None
        try:
            yes = question.test.as_const(nodes.EvalContext(self._shared.environment))
        except nodes.Impossible:
            return None
        way = question.body if yes else question.else_
        return None if _stored(way) else way

    def _shown(self, shown: nodes.Expr) -> list[nodes.Node]:
        """Statements that put out what this expression gives."""
        line = shown.lineno
        if isinstance(shown, nodes.CondExpr) and shown.expr2 is not None:
            ways = self.statements(self._shown(shown.expr1)), self.statements(self._shown(shown.expr2))
            return [nodes.If(shown.test, ways[0], [], ways[1], lineno=line)]
        if isinstance(shown, nodes.Concat):
            return [new for part in shown.nodes for new in self._shown(part)]
        if isinstance(shown, nodes.Call):
            if isinstance(shown.node, nodes.Name) and shown.node.name in self._callers:
                return [nodes.Scope(self.statements(self._callers[shown.node.name]), lineno=line)]
            written = self._called(shown, None)
            if written is not None:
                return written
            pieces = self._sentence(shown)
            if pieces is not None:
                return [nodes.Output(pieces, lineno=line)]
        return [nodes.Output([shown], lineno=line)]

    def _called(self, call: nodes.Call, caller: list[nodes.Node] | None) -> list[nodes.Node] | None:
        """The body of the macro that is called, about what it is called with; None where it must be a call."""
        macro = self._macro(call)
        given = _given(macro, call) if macro else None
        if macro is None or given is None or macro in self._open:
            return None
        if (caller is None) == _calls_back(macro):
            return None
        number = next(self._numbers)
        names: dict[str, nodes.Expr] = {name: nodes.Name(f"{name}_{number}", "load") for name in _own(macro)}
        kept: dict[str, nodes.Expr] = {}
        for name, value in given.items():
            if name not in _changed(macro) and (_is_simple(value) or _uses(macro.body, name) <= 1):
                names[name] = value
            else:
                kept[f"{name}_{number}"] = value
        if caller is not None:
            names["caller"] = nodes.Name(f"caller_{number}", "load")
            self._callers[f"caller_{number}"] = caller
        self._open.append(macro)
        body = self.statements([self.told(node, names, call.lineno) for node in macro.body])
        self._open.pop()
        if not kept:
            return body
        targets: list[nodes.Expr] = [nodes.Name(name, "param") for name in kept]
        return [nodes.With(targets, list(kept.values()), body, lineno=call.lineno)]

    def _macro(self, call: nodes.Call) -> nodes.Macro | None:
        named = call.node
        if isinstance(named, nodes.Getattr) and isinstance(named.node, nodes.Name):
            return self._shared.macros.get(named.node.name, {}).get(named.attr)
        return None

    def _plain_sentence(self, node: nodes.Node) -> nodes.Const | None:
        """A sentence without gaps, in the language that is spoken."""
        sentence = _sentence_of(node)
        if sentence is None or (isinstance(node, nodes.Call) and node.kwargs):
            return None
        return nodes.Const(self._shared.safe(self._shared.say(sentence) % {}), lineno=node.lineno)

    def _sentence(self, call: nodes.Call) -> list[nodes.Expr] | None:
        """A sentence and what goes into its gaps, in turns; None where it has others than those."""
        sentence = _sentence_of(call)
        if sentence is None:
            return None
        values = {word.key: word.value for word in call.kwargs}
        pieces: list[nodes.Expr] = []
        for name, words, odd in _PIECE.findall(self._shared.say(sentence)):
            if odd or (name and name not in values):
                return None
            pieces.append(values[name] if name else nodes.TemplateData(words.replace("%%", "%")))
        return pieces


def _sentence_of(node: nodes.Node) -> str | None:
    """What is to be translated, where this is a call for it and plain text."""
    if (
        isinstance(node, nodes.Call)
        and isinstance(node.node, nodes.Name)
        and node.node.name in TRANSLATE
        and node.dyn_args is node.dyn_kwargs is None
    ):
        match node.args:
            case [nodes.Const(value=str(sentence))]:
                return sentence
    return None


def _given(macro: nodes.Macro, call: nodes.Call) -> dict[str, nodes.Expr] | None:
    """What each parameter of the macro gets; None where the call doesn't say so plainly."""
    names = [arg.name for arg in macro.args]
    given = dict(zip(names[len(names) - len(macro.defaults) :], macro.defaults, strict=True))
    given |= dict(zip(names, call.args, strict=False))
    given |= {word.key: word.value for word in call.kwargs}
    plain = call.dyn_args is call.dyn_kwargs is None and len(call.args) <= len(names)
    twice = {word.key for word in call.kwargs} & set(names[: len(call.args)])
    return given if plain and not twice and given.keys() == set(names) else None


def _is_simple(value: nodes.Expr) -> bool:
    """Whether it costs nothing to look it up again and again."""
    while isinstance(value, nodes.Getattr):
        value = value.node
    return isinstance(value, nodes.Const | nodes.Name)


def _copy(
    node: Any,
    names: Mapping[str, nodes.Expr],
    line: int | None = None,
    instead: Callable[[nodes.Node], nodes.Node | None] = lambda _: None,
) -> Any:
    """A copy of a node, on that line, in which names stand for something else; `instead` may replace it."""
    if isinstance(node, list):
        return [_copy(item, names, line, instead) for item in node]
    if not isinstance(node, nodes.Node):
        return node
    if isinstance(node, nodes.Name) and node.name in names:
        other = names[node.name]
        if node.ctx == "load" or not isinstance(other, nodes.Name):
            return other
        return nodes.Name(other.name, node.ctx, lineno=line or node.lineno)
    new = instead(node)
    if new is not None:
        return new
    values = [_copy(value, names, line, instead) for _, value in node.iter_fields()]
    return type(node)(*values, lineno=line or node.lineno, environment=node.environment)


def _names(body: Sequence[nodes.Node]) -> Iterator[nodes.Name]:
    for node in body:
        if isinstance(node, nodes.Name):
            yield node
        yield from node.find_all(nodes.Name)


def _loaded(body: Sequence[nodes.Node]) -> set[str]:
    return {name.name for name in _names(body) if name.ctx == "load"}


# Of macros, which stay as they were parsed and are the same ones for every language.


@lru_cache(maxsize=256)
def _free(macro: nodes.Macro) -> frozenset[str]:
    return frozenset(_loaded([macro]) - _stored([macro]))


@lru_cache(maxsize=256)
def _own(macro: nodes.Macro) -> frozenset[str]:
    return frozenset(_stored(macro.args + macro.body))


@lru_cache(maxsize=256)
def _changed(macro: nodes.Macro) -> frozenset[str]:
    return frozenset(_stored(macro.body))


@lru_cache(maxsize=256)
def _calls_back(macro: nodes.Macro) -> bool:
    return "caller" in _loaded(macro.body)


def _stored(body: Sequence[nodes.Node]) -> set[str]:
    """Every name that is given a meaning in there."""
    found = {name.name for name in _names(body) if name.ctx != "load"}
    for top in body:
        for node in (top, *top.find_all((nodes.Macro, nodes.Import, nodes.FromImport))):
            if isinstance(node, nodes.Macro):
                found.add(node.name)
            elif isinstance(node, nodes.Import):
                found.add(node.target)
            elif isinstance(node, nodes.FromImport):
                found |= {name if isinstance(name, str) else name[1] for name in node.names}
    return found


def _uses(body: Sequence[nodes.Node], name: str, times: int = 1) -> int:
    """How often a name is looked up; inside a loop, or a block that a macro may repeat, that counts as many."""
    found = 0
    for node in body:
        if isinstance(node, nodes.Name):
            found += times if (node.name, node.ctx) == (name, "load") else 0
        for field, value in node.iter_fields():
            many = (isinstance(node, nodes.For) and field != "iter") or (
                isinstance(node, nodes.CallBlock) and field == "body"
            )
            inner = value if isinstance(value, list) else [value]
            found += _uses([it for it in inner if isinstance(it, nodes.Node)], name, 2 if many else times)
    return found
