"""The chain and the check of it, on documents made by hand."""

import copy
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.evidence import (
    BEFORE_THE_FIRST,
    Unreadable,
    Verdict,
    canonical,
    chained,
    signed,
    verify,
    written,
)

KEY = "the public key"
Json = dict[str, Any]


def sign(content: bytes) -> str:
    return hashlib.sha256(KEY.encode() + content).hexdigest()


def holds(key: str, signature: str, content: bytes) -> bool:
    return signature == hashlib.sha256(key.encode() + content).hexdigest()


def record(number: int, **data: Any) -> Json:
    at = f"2026-12-0{number}T12:00:00.000000Z"
    return {"id": f"fact_{number}", "kind": "order.shipped", "at": at, "recorded_at": at, "data": data}


def document(redacted: dict[str, str] | None = None) -> Json:
    body = '{"html":"<p>März</p>"}'
    parts = {
        "records": chained([record(n, units=n, reason="held at “customs”") for n in (1, 2, 3, 4)], redacted),
        "bodies": [{"sha256": hashlib.sha256(body.encode()).hexdigest(), "text": body}],
        "notes": ["days have no zone"],
    }
    return signed(parts, {"order_id": "1042"}, KEY, sign)


def check(changed: Json | bytes, key: str | None = KEY) -> Verdict:
    return verify(changed if isinstance(changed, bytes) else written(changed), holds, key)


def is_good(content: bytes) -> bool:
    try:
        return check(content).findings == ()
    except Unreadable:
        return False


def pointers(changed: Json, key: str | None = KEY) -> set[str]:
    return {finding.pointer for finding in check(changed, key).findings}


def test_what_nobody_changed_is_good() -> None:
    verdict = check(document())
    assert (verdict.findings, verdict.records, verdict.bodies, verdict.public_key) == ((), 4, 1, KEY)


def test_the_chain_is_what_the_documents_say() -> None:
    """docs/evidence.md: anybody can do this with jq and sha256sum."""
    previous = BEFORE_THE_FIRST
    for each in document()["records"]:
        words = {name: each[name] for name in ("id", "kind", "at", "recorded_at", "data")}
        plain = json.dumps(words, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert each["digest"] == hashlib.sha256(plain.encode()).hexdigest()
        assert each["previous"] == previous
        previous = hashlib.sha256((previous + each["digest"]).encode()).hexdigest()
        assert each["hash"] == previous


def test_every_changed_byte_shows() -> None:
    """Each byte of the file, replaced in turn by others of its kind: found, or no evidence any more."""
    good = written(document())
    unseen = []
    for place, byte in enumerate(good):
        for other in {byte ^ 1, byte ^ 0x20, ord(" "), ord("0")} - {byte}:
            changed = good[:place] + bytes([other]) + good[place + 1 :]
            if is_good(changed):
                unseen.append((place, changed[place - 20 : place + 20]))
    assert unseen == []


@given(st.data())
def test_a_byte_more_or_less_shows(data: st.DataObject) -> None:
    good = written(document())
    place = data.draw(st.integers(0, len(good)))
    extra = data.draw(st.binary(min_size=1, max_size=3))
    for changed in (good[:place] + extra + good[place:], good[:place] + good[place + 1 :]):
        if changed != good:
            assert not is_good(changed)


@pytest.mark.parametrize("place", range(4))
def test_a_changed_record_is_named(place: int) -> None:
    changed = document()
    changed["records"][place]["data"]["units"] = 9
    assert pointers(changed) == {f"/records/{place}", "/records"}


def resealed(changed: Json) -> Json:
    """Somebody who knows the algorithm, but not the key, makes every digest fit again."""
    records = chained([{name: r[name] for name in ("id", "kind", "at", "recorded_at", "data")}
                       for r in changed["records"]])  # fmt: skip
    parts = {name: part for name, part in changed.items() if name not in {"head", "format"}}
    return signed(parts | {"records": records}, {"order_id": "1042"}, KEY, lambda _: "forged")


def test_a_forger_without_the_key_is_found_at_the_signature() -> None:
    changed = document()
    changed["records"][1]["data"]["units"] = 9
    assert pointers(resealed(changed)) == {"/head/signature"}


def test_another_key_is_found_though_its_signature_fits() -> None:
    assert pointers(document(), key="the key of the shop") == {"/head/public_key"}
    assert pointers(document(), key=None) == set()


@pytest.mark.parametrize("place", range(4))
def test_a_dropped_record_is_found_where_it_is_missing(place: int) -> None:
    changed = document()
    del changed["records"][place]
    found = pointers(changed)
    assert "/records" in found
    assert place == 3 or {f"/records/{place}/number", f"/records/{place}/previous"} <= found


def test_records_that_are_doubled_or_moved_are_found() -> None:
    changed = document()
    changed["records"].insert(2, copy.deepcopy(changed["records"][1]))
    assert {"/records/2/number", "/records/2/previous"} <= pointers(changed)
    changed = document()
    changed["records"][0], changed["records"][1] = changed["records"][1], changed["records"][0]
    assert {"/records/0/number", "/records/0/previous", "/records/1/number"} <= pointers(changed)


@pytest.mark.parametrize("part", ["bodies", "notes"])
def test_a_part_that_is_changed_missing_or_added_is_named(part: str) -> None:
    changed = document()
    changed[part].append("more")
    assert f"/{part}" in pointers(changed)
    changed = document()
    del changed[part]
    assert f"/{part}" in pointers(changed)
    assert "/extra" in pointers(document() | {"extra": []})


def test_a_changed_email_is_named() -> None:
    changed = document()
    changed["bodies"][0]["text"] += " "
    assert {"/bodies/0", "/bodies"} <= pointers(changed)


def test_words_that_had_to_go_leave_the_chain_whole() -> None:
    whole = document()
    digest = whole["records"][2]["digest"]
    parts = [record(n, units=n, reason="held at “customs”") for n in (1, 2, 3, 4)]
    parts[2]["data"]["reason"] = "[erased]"
    records = chained(parts, {"fact_3": digest})
    changed = signed({"records": records, "bodies": [], "notes": []}, {}, KEY, sign)
    verdict = check(changed)
    assert (verdict.findings, verdict.redacted) == ((), 1)
    assert [r["hash"] for r in records] == [r["hash"] for r in whole["records"]]


def test_nobody_but_the_signer_can_take_words_away() -> None:
    changed = document()
    changed["records"][2] |= {"redacted": True, "data": {}}
    assert pointers(changed) == {"/records"}


def test_white_space_is_a_change_too() -> None:
    spaced = json.dumps(document(), indent=1, ensure_ascii=False).encode()
    (finding,) = check(spaced).findings
    assert "white space" in finding.what


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "no evidence"),
        (b'{"format": "notifier-evidence/2"}', "'notifier-evidence/2'"),
        (b'{"format": "notifier-evidence/1"}', "no head"),
        (b'{"format": "notifier-evidence/1", "head": {}, "records": {}}', "no records"),
        (b'{"format": 1, "format": 2}', "twice"),
        (b"[" * 100_000, "nested"),
        (b'{"format": NaN}', "NaN"),
    ],
    ids=["empty", "not text", "no object", "version", "no head", "no records", "twice", "deep", "NaN"],
)
def test_what_is_no_evidence_is_said(content: bytes, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        check(content)


def test_a_file_that_is_cut_off_is_said_to_be() -> None:
    good = written(document())
    with pytest.raises(Unreadable, match="cut off"):
        check(good[: len(good) // 2])


def test_what_readers_of_json_would_not_agree_on_is_refused() -> None:
    for value in (1.5, 2**53, {"ü": 1}, b"bytes", object()):
        with pytest.raises(ValueError, match=r"evidence|ASCII"):
            canonical([value])


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.text(), lambda inner: (
    st.lists(inner) | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner))))  # fmt: skip
def test_the_canonical_form_reads_back_as_the_same(value: Any) -> None:
    try:
        form = canonical(value)
    except UnicodeEncodeError:  # half a character
        return
    assert json.loads(form) == value
    assert canonical(json.loads(form)) == form
