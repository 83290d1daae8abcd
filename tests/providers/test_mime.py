"""An envelope as bytes, read back by another hand: the standard library's parser."""

import email
import email.policy
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.providers import mime
from notifier.providers.base import Envelope
from tests.providers.contract import ATTACKS, ENVELOPES, PLAIN, as_email

LINE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]))
BODY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))


def ascii_of(text: str) -> str:
    return text.encode("ascii", "ignore").decode()


def headers(raw: bytes) -> list[bytes]:
    return raw.partition(b"\r\n\r\n")[0].split(b"\r\n")


@pytest.mark.parametrize("envelope", [*ENVELOPES.values(), *ATTACKS.values()], ids=[*ENVELOPES, *ATTACKS])
def test_no_line_is_too_long_and_every_byte_is_ascii(envelope: Envelope) -> None:
    raw = mime.build(envelope).content
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert all(line.strip() for line in headers(raw)), "an empty line would end the headers"


@given(subject=LINE, name=LINE, text=BODY, html=BODY)
def test_any_words_come_back_as_they_were(subject: str, name: str, text: str, html: str) -> None:
    envelope = replace(PLAIN, subject=subject.strip(), to_name=name.strip(), text=text, html=html)
    read = as_email(mime.build(envelope).content)
    assert (read.subject, read.text, read.html) == (envelope.subject, text, html)
    assert read.to == PLAIN.to


@given(evil=st.text())
def test_no_text_anywhere_can_add_a_header(evil: str) -> None:
    sender = f"{evil} <orders@shop.example>"
    envelope = replace(PLAIN, subject=evil, to_name=evil, sender=sender, headers={"X": ascii_of(evil)})
    message = email.message_from_bytes(mime.build(envelope).content, policy=email.policy.compat32)
    assert [name for name in message if name not in ("MIME-Version", "Content-Type")] == [
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Reply-To", "X")
    ]


def test_the_text_comes_first_so_that_the_html_is_preferred() -> None:
    message = email.message_from_bytes(mime.build(PLAIN).content, policy=email.policy.default)
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_names_with_commas_and_quotes_stay_one_name() -> None:
    envelope = ENVELOPES["odd names"]
    message = email.message_from_bytes(mime.build(envelope).content, policy=email.policy.default)
    (to,), (sender,) = message["To"].addresses, message["From"].addresses
    assert (to.display_name, to.addr_spec) == (envelope.to_name, envelope.to)
    assert (sender.display_name, sender.addr_spec) == ("A, B; C", "orders@shop.example")


def test_the_date_is_when_the_email_was_made_in_any_zone() -> None:
    assert b"Date: Sun, 01 Mar 2026 14:59:30 +0000" in headers(mime.build(PLAIN).content)
    new_york = datetime(2026, 3, 1, 9, 59, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert b"Date: Sun, 01 Mar 2026 09:59:30 -0500" in headers(
        mime.build(replace(PLAIN, occurred_at=new_york)).content
    )


def test_the_message_id_is_ours_at_the_senders_domain() -> None:
    assert f"Message-ID: <{PLAIN.message_id}@shop.example>".encode() in headers(mime.build(PLAIN).content)


def test_it_says_that_no_person_wrote_it() -> None:
    assert b"Auto-Submitted: auto-generated" in headers(mime.build(PLAIN).content)


def test_only_the_envelope_brings_an_unsubscribe_header() -> None:
    assert b"List-Unsubscribe: <https://shop.example/u/1>" in headers(mime.build(PLAIN).content)
    assert b"Unsubscribe" not in mime.build(replace(PLAIN, headers={})).content


def test_a_long_link_stays_on_the_line_of_its_header() -> None:
    link = f"<https://shop.example/u/{'x' * 700}>"
    raw = mime.build(replace(PLAIN, headers={"List-Unsubscribe": link})).content
    assert f"List-Unsubscribe: {link}".encode() in headers(raw)


def test_many_ids_are_broken_between_two_of_them() -> None:
    ids = [f"<{n:060}@shop.example>" for n in range(40)]
    raw = mime.build(replace(PLAIN, headers={"References": " ".join(ids)})).content
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["References"].split() == ids


def test_a_name_before_the_at_sign_may_be_beyond_ascii() -> None:
    mail = mime.build(replace(PLAIN, to="josé@example.com"))
    assert mail.utf8
    assert 'To: "Jane Doe" <josé@example.com>'.encode() in headers(mail.content)


@pytest.mark.parametrize("length", [901, 5000])
def test_a_link_too_long_for_a_header_is_refused_rather_than_broken(length: int) -> None:
    with pytest.raises(mime.Unmailable, match="List-Unsubscribe must be ASCII, in words of at most 900"):
        mime.build(replace(PLAIN, headers={"List-Unsubscribe": "x" * length}))


@pytest.mark.parametrize(
    ("domain", "written"), [("bücher.example", "xn--bcher-kva.example"), ("例え.jp", "xn--r8jz45g.jp")]
)
def test_a_domain_beyond_ascii_is_written_in_its_ascii_form(domain: str, written: str) -> None:
    mail = mime.build(replace(PLAIN, to=f"jane@{domain}", sender=f"Shop <hello@{domain}>"))
    assert (mail.recipient, mail.sender, mail.utf8) == (f"jane@{written}", f"hello@{written}", False)


@pytest.mark.parametrize("domain", ["straße.example", "é..example", "é" * 64 + ".example"])
def test_a_domain_that_might_become_anothers_is_refused(domain: str) -> None:
    with pytest.raises(mime.Unmailable, match="to: the domain"):
        mime.build(replace(PLAIN, to=f"jane@{domain}"))


@pytest.mark.parametrize(
    "message_id", ["../../etc/passwd", "a b", "", "x" * 200, "é", "-rf", ".hidden", "a/b"]
)
def test_an_id_that_is_no_file_name_becomes_a_digest(message_id: str) -> None:
    safe = mime.safe_id(message_id)
    assert safe != message_id
    assert safe.isalnum()
    assert safe == mime.safe_id(message_id)


def test_lone_halves_of_characters_do_not_stop_an_email() -> None:
    raw = mime.build(replace(PLAIN, subject="a\ud83cb", text="a\ud83cb\n")).content
    assert as_email(raw).subject == "a b"
    assert as_email(raw).text == "a?b\n"
