"""Each field of a policy as a form shows it and as a person reads it, made from what `policy_input` says of it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from notifier.errors import Fault, Invalid
from notifier.policy_input import PolicyInput, SkuPolicyInput

_SCHEMA = PolicyInput.model_json_schema()
_PLAIN = PolicyInput().model_dump(mode="json")
BY_SKU = tuple(SkuPolicyInput.model_fields)
BLANK_ROWS = 3
"""How many empty rows for SKUs the form offers."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A field of the form. `shape`: `days`, `window`, `choice`, `flag`, `number`; `choices` are (value, words)."""

    name: str
    title: str
    unit: str
    help: str
    shape: str
    default: str
    choices: tuple[tuple[str, str], ...] = ()
    least: int | None = None
    most: int | None = None


def _entry(name: str, told: Mapping[str, Any]) -> Entry:
    choices = {value: told.get("x-words", {}).get(value, value) for value in told.get("enum", ())}
    number: Mapping[str, Any] = next(
        (it for it in (told, *told.get("anyOf", ())) if it.get("type") == "integer"), {}
    )
    shape = (
        "choice"
        if choices
        else "flag"
        if told.get("type") == "boolean"
        else "days"
        if told.get("type") == "array"
        else "number"
        if number
        else "window"
    )
    return Entry(
        name,
        told["title"],
        told.get("x-unit", ""),
        told.get("description", ""),
        shape,
        said(name, _PLAIN[name]),
        tuple(choices.items()),
        number.get("minimum"),
        number.get("maximum"),
    )


def title(name: str) -> str:
    return str(_SCHEMA["properties"][name]["title"])


def said(name: str, value: Any) -> str:
    """The value of a field in words; JSON as the API has it."""
    told = _SCHEMA["properties"][name]
    if name == "skus":
        return "; ".join(f"{sku}: {_own(own)}" for sku, own in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, Mapping):
        return f"{value['start']}–{value['end']}"
    if value is None:
        return "none"
    if isinstance(value, int):
        unit = told.get("x-unit", "")
        return f"{value:,} {unit.removesuffix('s') if value == 1 else unit}".strip()
    return str(told.get("x-words", {}).get(value, value))


def _own(own: Mapping[str, Any]) -> str:
    return ", ".join(f"{title(name).lower()} {said(name, value)}" for name, value in own.items())


def differences(old: PolicyInput, new: PolicyInput) -> list[tuple[str, str, str]]:
    """(title, before, after) of each field in which two policies differ."""
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    return [
        (title(name), said(name, before[name]), said(name, after[name]))
        for name in before
        if before[name] != after[name]
    ]


# --- the form --------------------------------------------------------------------------------------------


def shown(policy: PolicyInput) -> dict[str, str]:
    """What the fields of the form hold for this policy."""
    whole = policy.model_dump(mode="json")
    values: dict[str, str] = {}
    for entry in ENTRIES:
        values |= _shown(entry.name, whole[entry.name])
    for row, (sku, own) in enumerate(whole["skus"].items()):
        values[f"sku.{row}"] = sku
        for name, value in own.items():
            values |= {f"sku.{row}.{field}": text for field, text in _shown(name, value).items()}
            if value == []:
                values[f"sku.{row}.{name}"] = "none"
    return values


def _shown(name: str, value: Any) -> dict[str, str]:
    if isinstance(value, bool):
        return {name: "1"} if value else {}
    if isinstance(value, Mapping):
        return {f"{name}.{part}": text for part, text in value.items()}
    if isinstance(value, list):
        return {name: ", ".join(map(str, value))}
    return {name: "" if value is None else str(value)}


def rows(entered: Mapping[str, str]) -> range:
    """The rows for SKUs: those that hold something, and some blank ones."""
    used = [int(found[1]) for name, value in entered.items() if value and (found := _ROW.match(name))]
    return range(max(used, default=-1) + 1 + BLANK_ROWS)


def document(entered: Mapping[str, str]) -> dict[str, Any]:
    """The policy that was entered, to be checked. Raises Invalid where a SKU has two rows."""
    whole: dict[str, Any] = {entry.name: _read(entry, entered) for entry in ENTRIES}
    skus: dict[str, Any] = {}
    for row in rows(entered):
        own = {name: value for name in BY_SKU if (value := entered.get(f"sku.{row}.{name}", ""))}
        sku = entered.get(f"sku.{row}", "")
        if not sku and not own:
            continue
        if sku in skus:
            raise Invalid(
                f"By SKU: {sku!r} stands twice", (Fault("/skus", f"{sku!r} stands twice; one row each"),)
            )
        skus[sku] = {
            name: _days(value) if name == "countdown_days" else _number(value) for name, value in own.items()
        }
    return whole | {"skus": skus}


def _read(entry: Entry, entered: Mapping[str, str]) -> Any:
    value = entered.get(entry.name, "")
    match entry.shape:
        case "flag":
            return bool(value)
        case "days":
            return _days(value)
        case "window":
            return {part: entered.get(f"{entry.name}.{part}", "")[:5] for part in ("start", "end")}
        case "number":
            return _number(value)
    return value


def _days(value: str) -> list[int | str | None]:
    """`none` says that there are none, where nothing would say that it is as for all."""
    return [] if value == "none" else [_number(part) for part in re.split(r"[,;\s]+", value) if part]


def _number(value: str) -> int | str | None:
    return int(value) if re.fullmatch(r"-?\d{1,30}", value) else value or None


def problems(faults: tuple[Fault, ...]) -> Iterator[tuple[str, str]]:
    """(field, what is wrong with it) of each fault."""
    for fault in faults:
        field, *inside = fault.pointer.strip("/").split("/")
        named = [part.replace("~1", "/").replace("~0", "~") for part in inside if not part.isdigit()]
        where = " of ".join(reversed(named))
        yield field, f"{where}: {fault.detail}" if where else fault.detail


_ROW = re.compile(r"sku\.(\d{1,4})")
ENTRIES = tuple(_entry(name, told) for name, told in _SCHEMA["properties"].items() if name != "skus")
