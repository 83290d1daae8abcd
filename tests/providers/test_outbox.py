"""A folder of .eml files."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from notifier.errors import Misconfigured
from notifier.providers import make
from notifier.providers.base import Accepted, Unavailable
from tests.providers.contract import NOW, PLAIN


def test_an_email_is_one_file_named_by_its_id(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there" / "yet"
    outbox = make("outbox", folder=folder)
    assert outbox.send(PLAIN, NOW) == Accepted(f"{PLAIN.message_id}.eml")
    assert [file.name for file in folder.iterdir()] == [f"{PLAIN.message_id}.eml"]


def test_an_id_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    outbox = make("outbox", folder=tmp_path / "outbox")
    outbox.send(replace(PLAIN, message_id="../../stray"), NOW)
    assert [file.name for file in tmp_path.iterdir()] == ["outbox"]
    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 1


def test_emails_are_for_the_eyes_of_their_owner_alone(tmp_path: Path) -> None:
    make("outbox", folder=tmp_path).send(PLAIN, NOW)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_a_folder_that_is_a_file_is_told_with_its_path_and_needs_a_person(tmp_path: Path) -> None:
    taken = tmp_path / "outbox"
    taken.write_text("mine")
    outcome = make("outbox", folder=taken).send(PLAIN, NOW)
    assert isinstance(outcome, Unavailable)
    assert str(taken) in outcome.reason
    assert "File exists" in outcome.reason
    assert outcome.needs_person
    assert taken.read_text() == "mine"


@pytest.mark.parametrize("full", ["/dev/full"])
def test_a_full_disk_leaves_neither_half_an_email_nor_a_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    outbox = make("outbox", folder=tmp_path)
    outbox.send(PLAIN, NOW)
    (before,) = [file.read_bytes() for file in tmp_path.iterdir()]
    # The disk of the test is not full, so its flush says so in its place.
    monkeypatch.setattr(os, "fsync", lambda _: os.write(os.open(full, os.O_WRONLY), b"x"))
    outcome = outbox.send(replace(PLAIN, text="other"), NOW)
    assert isinstance(outcome, Unavailable)
    assert "No space left on device" in outcome.reason
    assert not outcome.needs_person
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [before]


def test_no_folder_is_refused_by_the_settings_name() -> None:
    with pytest.raises(Misconfigured, match="NOTIFIER_OUTBOX_DIR"):
        make("outbox", folder=None)
