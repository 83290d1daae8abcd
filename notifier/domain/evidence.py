"""Evidence that shows when it was changed: canonical JSON, a chain of digests, and the check of both.

Each record has a `digest` of its own words and a `hash` that takes in the record before it. The head has the digest of
every part of the document and is signed, so one signature stands for every byte. `docs/evidence.md` says how anybody
checks this with `jq`, `sha256sum` and `openssl`.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FORMAT = "notifier-evidence/1"
BEFORE_THE_FIRST = "0" * 64
"""What stands in for the hash of the record before the first."""
WORDS_OF_A_RECORD = ("id", "kind", "at", "recorded_at", "data")
"""What the digest of a record is made of."""
MOST_EXACT = 2**53
"""Up to which whole numbers are the same in every reader of JSON (RFC 8785, 3.2.2.3; IEEE 754 doubles)."""

Check = Callable[[str, str, bytes], bool]
"""Whether (public key, signature, bytes) belong together."""


class Unreadable(ValueError):
    """The file is no evidence at all: not JSON, cut off, or something else; the text says which."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was written; `pointer` is a JSON pointer (RFC 6901) to it, empty for the whole."""

    pointer: str
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found. No finding: nothing was changed since the holder of `public_key` signed it."""

    findings: tuple[Finding, ...]
    records: int
    redacted: int
    """Records whose words are partly gone (erasure): their places in the chain hold, their words can't be checked."""
    bodies: int
    """Emails of which the file has the exact bytes, all compared with their digests."""
    public_key: str


def canonical(value: Any) -> bytes:
    """`value` in the one form that RFC 8785 (JSON Canonicalization Scheme) gives it.

    For what evidence is made of, objects with ASCII names, arrays, text, whole numbers, true, false and null, these
    are sorted names, no white space, and no escape but those that must be. Raises ValueError for anything else, as its
    rules for fractions would be needed then.
    """
    _refuse_other(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _refuse_other(value: Any) -> None:
    match value:
        case dict():
            for name, item in value.items():
                if not (isinstance(name, str) and name.isascii()):
                    raise ValueError(f"the name {name!r} is not plain ASCII")
                _refuse_other(item)
        case list() | tuple():
            for item in value:
                _refuse_other(item)
        case bool() | None | str():
            pass
        case int() if abs(value) < MOST_EXACT:
            pass
        case _:
            raise ValueError(f"{value!r} has no place in evidence; write it as text")


def digest(value: Any) -> str:
    """The SHA-256 of its canonical form, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def own_digest(record: Mapping[str, Any]) -> str:
    """The digest of a record's own words."""
    return digest({name: record.get(name) for name in WORDS_OF_A_RECORD})


def link(previous: str, own: str) -> str:
    """The hash of a record: the SHA-256 of the hash before it and its own digest, both as hex, one after the other."""
    return hashlib.sha256(f"{previous}{own}".encode()).hexdigest()


def chained(
    records: Iterable[Mapping[str, Any]], redacted: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """The records, numbered, each with its digest and its place in the chain.

    `redacted` has, by record id, the digest of the words that were there before some had to go.
    """
    previous, chain = BEFORE_THE_FIRST, []
    for number, record in enumerate(records, 1):
        gone = (redacted or {}).get(record["id"])
        own = gone or own_digest(record)
        hash_ = link(previous, own)
        whole = {**record, "number": number, "digest": own, "previous": previous, "hash": hash_}
        chain.append(whole | {"redacted": True} if gone else whole)
        previous = hash_
    return chain


def signed(
    parts: Mapping[str, Any], about: Mapping[str, Any], public_key: str, sign: Callable[[bytes], str]
) -> dict[str, Any]:
    """The document: its parts, and a head that says what it is about, names the digest of each part, and is signed."""
    records = parts["records"]
    head = {
        **about,
        "records": len(records),
        "last_hash": records[-1]["hash"] if records else BEFORE_THE_FIRST,
        "digests": {name: digest(part) for name, part in parts.items()},
        "algorithm": "Ed25519",
        "public_key": public_key,
    }
    return {**parts, "format": FORMAT, "head": head | {"signature": sign(canonical(head))}}


def written(document: Mapping[str, Any]) -> bytes:
    """The bytes of the file: the canonical form and a line feed."""
    return canonical(document) + b"\n"


# --- checking ---------------------------------------------------------------------------------------------


def verify(content: bytes, holds: Check, expected_key: str | None = None) -> Verdict:
    """Look at every part of a file; without the database, the service, or a network.

    `expected_key` is the public key that must have signed it; without one, the file's own is believed, which shows
    a mistake but not a forger. Raises Unreadable.
    """
    try:
        return _verify(content, holds, expected_key)
    except RecursionError:
        raise Unreadable("it is nested too deeply to be evidence") from None


def _verify(content: bytes, holds: Check, expected_key: str | None) -> Verdict:
    document = _read(content)
    head, records = document["head"], document["records"]
    key = head.get("public_key")
    findings = [
        *_chain(records),
        *_bodies(document.get("bodies")),
        *_digests(document, head),
        *_signature(head, holds, expected_key),
    ]
    if not findings and content != written(document):
        same = "the bytes differ from the canonical form, though every value is as it was signed"
        findings.append(Finding("", f"{same}: white space or the order of names was changed"))
    redacted = sum(isinstance(record, dict) and record.get("redacted") is True for record in records)
    bodies = document.get("bodies")
    return Verdict(
        tuple(findings),
        len(records),
        redacted,
        len(bodies) if isinstance(bodies, list) else 0,
        key if isinstance(key, str) else "",
    )


def _read(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not UTF-8: byte {error.start} begins no character") from None
    except json.JSONDecodeError as error:
        ends = error.pos >= len(error.doc.rstrip()) - 1 or error.msg.startswith("Unterminated")
        cut = " (it may be cut off)" if ends else ""
        what = error.msg.removesuffix(" at")
        raise Unreadable(f"it is not JSON: {what} at character {error.pos}{cut}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else type(document).__name__
        raise Unreadable(
            f"it is no evidence of a version known here: its format is {found!r}, not {FORMAT!r}"
        )
    for name, kind in (("head", dict), ("records", list)):
        if not isinstance(document.get(name), kind):
            raise Unreadable(f"it is no evidence: it has no {name}")
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise Unreadable("it has a name twice in one object, so readers would differ on what it says")
    return values


def _no_constant(text: str) -> None:
    raise Unreadable(f"it is not JSON: {text} is no number")


def _chain(records: Sequence[Any]) -> Iterator[Finding]:
    previous = BEFORE_THE_FIRST
    for place, record in enumerate(records):
        where = f"/records/{place}"
        if not isinstance(record, dict):
            yield Finding(where, "this is no record")
            continue
        named = f"record {record.get('id')!r}"
        if record.get("number") != place + 1:
            number = f"{named} has the number {record.get('number')!r} where {place + 1} must stand"
            yield Finding(f"{where}/number", f"{number}: records were dropped, doubled or moved")
        if record.get("previous") != previous:
            yield Finding(f"{where}/previous", f"{named} does not follow the record that stands before it")
        if record.get("redacted") is not True and record.get("digest") != _digest_or_none(own_digest, record):
            yield Finding(where, f"the words of {named} are not those that its digest was made of")
        if record.get("hash") != link(str(record.get("previous")), str(record.get("digest"))):
            yield Finding(f"{where}/hash", f"the hash of {named} is not that of its place in the chain")
        previous = str(record.get("hash"))


def _bodies(bodies: Any) -> Iterator[Finding]:
    for place, body in enumerate(bodies if isinstance(bodies, list) else []):
        text = body.get("text") if isinstance(body, dict) else None
        stated = body.get("sha256") if isinstance(body, dict) else None
        if not isinstance(text, str) or _sha256(text) != stated:
            yield Finding(f"/bodies/{place}", f"the email is not the one with the SHA-256 {stated!r}")


def _sha256(text: str) -> str | None:
    try:
        return hashlib.sha256(text.encode()).hexdigest()
    except UnicodeEncodeError:  # half a character, which was never signed
        return None


def _digests(document: Mapping[str, Any], head: Mapping[str, Any]) -> Iterator[Finding]:
    stated = head.get("digests")
    stated = stated if isinstance(stated, dict) else {}
    parts = {name: part for name, part in document.items() if name not in {"head", "format"}}
    for name in sorted(parts.keys() | stated.keys()):
        if name not in parts:
            yield Finding(f"/{name}", f"the part {name!r} is missing")
        elif _digest_or_none(digest, parts[name]) != stated.get(name):
            yield Finding(f"/{name}", f"the part {name!r} is not what its head says")
    records = document["records"]
    if head.get("records") != len(records):
        yield Finding(
            "/records", f"there are {len(records)} records, and {head.get('records')!r} were signed"
        )


def _digest_or_none(made: Callable[[Any], str], value: Any) -> str | None:
    """None for what can't have been in evidence: a fraction, half a character."""
    try:
        return made(value)
    except ValueError:
        return None


def _signature(head: Mapping[str, Any], holds: Check, expected: str | None) -> Iterator[Finding]:
    key, signature = head.get("public_key"), head.get("signature")
    if expected is not None and key != expected:
        yield Finding("/head/public_key", f"it was signed with the key {key!r}, not with {expected!r}")
    try:
        said = canonical({name: value for name, value in head.items() if name != "signature"})
    except ValueError as error:
        yield Finding("/head", f"the head is not what was signed: {error}")
        return
    if not (isinstance(key, str) and isinstance(signature, str) and holds(key, signature, said)):
        yield Finding("/head/signature", "the signature does not belong to this head and key")
