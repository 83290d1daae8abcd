"""Secrets at rest."""

import pytest

from notifier.errors import Misconfigured
from notifier.sealed import seal, unseal

KEY, PURPOSE = "a secret key of thirty-two letters", "webhook secret"


@pytest.mark.parametrize("text", ["", "whsec_c2VjcmV0", "käse 🧀", "x" * 10_000])
def test_what_was_sealed_can_be_opened(text: str) -> None:
    assert unseal(KEY, PURPOSE, seal(KEY, PURPOSE, text)) == text


def test_a_sealed_text_shows_nothing_and_is_never_the_same_twice() -> None:
    first, second = seal(KEY, PURPOSE, "whsec_c2VjcmV0"), seal(KEY, PURPOSE, "whsec_c2VjcmV0")
    assert first != second
    assert "c2VjcmV0" not in first


@pytest.mark.parametrize(("key", "purpose"), [("another secret key", PURPOSE), (KEY, "provider key")])
def test_another_key_or_purpose_opens_nothing(key: str, purpose: str) -> None:
    with pytest.raises(Misconfigured, match="NOTIFIER_SECRET_KEY") as refused:
        unseal(key, purpose, seal(KEY, PURPOSE, "whsec_c2VjcmV0"))
    assert "c2VjcmV0" not in str(refused.value)


def test_what_was_changed_is_refused() -> None:
    sealed = seal(KEY, PURPOSE, "whsec_c2VjcmV0")
    for number in range(len(sealed)):
        changed = sealed[:number] + ("A" if sealed[number] != "A" else "B") + sealed[number + 1 :]
        with pytest.raises(Misconfigured):
            unseal(KEY, PURPOSE, changed)


@pytest.mark.parametrize("text", ["", "whsec_plain", "s1.", "s1.é", "s1.AAAA"])
def test_what_never_was_sealed_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured):
        unseal(KEY, PURPOSE, text)
