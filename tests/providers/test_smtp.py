"""SMTP against a real server, and against one that goes wrong at each step."""

import ssl
from dataclasses import replace

import pytest

from notifier.errors import Misconfigured
from notifier.providers.base import Accepted, Deferred, Outcome, Rejected, Unavailable, Unknown
from notifier.providers.smtp import Smtp
from tests.parts import SmtpServer
from tests.providers.bad_smtp import HANG_UP, SILENCE, bad_smtp
from tests.providers.contract import NOW, PLAIN

PASSWORD = "do-not-show-this"


def address(server: SmtpServer, scheme: str, login: str | None = None) -> str:
    port = server.tls_port if scheme == "smtps" else server.port
    return f"{scheme}://{login or f'{server.username}:{server.password}'}@{server.host}:{port}"


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_an_email_goes_over_tls_with_a_login(smtp: SmtpServer, trusted: ssl.SSLContext, scheme: str) -> None:
    provider = Smtp(address(smtp, scheme), tls=trusted)
    assert isinstance(provider.send(PLAIN, NOW), Accepted)
    provider.close()
    (received,) = smtp.received
    assert (received.sender, received.recipients) == ("orders@shop.example", [PLAIN.to])
    assert received.message["To"] == "Jane Doe <jane@example.com>"


def test_what_the_server_says_of_a_recipient_or_message(smtp: SmtpServer, trusted: ssl.SSLContext) -> None:
    provider = Smtp(address(smtp, "smtp+starttls"), tls=trusted)
    refused = provider.send(replace(PLAIN, to="refused@example.com"), NOW)
    busy = provider.send(replace(PLAIN, to="busy@example.com"), NOW)
    vanished = provider.send(replace(PLAIN, to="vanish@example.com"), NOW)
    after = provider.send(PLAIN, NOW)
    provider.close()
    assert isinstance(refused, Rejected)
    assert "550 5.1.1 no such mailbox" in refused.reason
    assert isinstance(busy, Deferred)
    assert not busy.account_wide, "one busy mailbox must not stop the others"
    assert isinstance(vanished, Unknown)
    assert isinstance(after, Accepted), "a broken connection is replaced"


def test_a_wrong_password_needs_a_person_and_is_not_shown(smtp: SmtpServer, trusted: ssl.SSLContext) -> None:
    provider = Smtp(address(smtp, "smtps", f"notifier:{PASSWORD}"), tls=trusted)
    outcome = provider.send(PLAIN, NOW)
    assert isinstance(outcome, Unavailable)
    assert outcome.needs_person
    assert "NOTIFIER_SMTP_URL" in outcome.reason
    assert PASSWORD not in repr(outcome) + repr(provider)


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(smtp: SmtpServer) -> None:
    for scheme in ("smtps", "smtp+starttls"):
        outcome = Smtp(address(smtp, scheme)).send(PLAIN, NOW)
        assert isinstance(outcome, Unavailable)
        assert "certificate that is not trusted" in outcome.reason
    assert smtp.received == []


def test_a_server_that_offers_no_tls_gets_no_password() -> None:
    with bad_smtp({}) as port:
        outcome = Smtp(f"smtp+starttls://user:{PASSWORD}@127.0.0.1:{port}").send(PLAIN, NOW)
    assert isinstance(outcome, Unavailable)
    assert "STARTTLS" in outcome.reason


@pytest.mark.parametrize(
    ("step", "answer", "meaning"),
    [
        ("CONNECT", "554 no service", Unavailable("", needs_person=True)),
        ("CONNECT", "421 busy", Deferred("")),
        ("CONNECT", SILENCE, Unavailable("")),
        ("CONNECT", HANG_UP, Unavailable("")),
        ("EHLO", HANG_UP, Unavailable("")),
        ("AUTH", "454 4.7.0 try later", Deferred("")),
        ("AUTH", "535 no", Unavailable("", needs_person=True)),
        ("AUTH", SILENCE, Unavailable("")),
        ("MAIL", "550 5.7.1 not your address", Rejected("")),
        ("MAIL", "530 5.7.0 sign in first", Unavailable("", needs_person=True)),
        ("MAIL", "452 4.3.1 no space", Deferred("")),
        ("MAIL", SILENCE, Unavailable("")),
        ("RCPT", "452 4.2.2 mailbox full", Deferred("", account_wide=False)),
        ("RCPT", "421 4.7.0 going down", Deferred("")),
        ("RCPT", "553 5.1.3 bad address", Rejected("")),
        ("RCPT", HANG_UP, Unavailable("")),
        ("DATA", "451 4.3.0 later", Deferred("", account_wide=False)),
        ("DATA", "554 5.7.1 no", Rejected("")),
        ("DATA", SILENCE, Unavailable("")),
        ("DATA", HANG_UP, Unavailable("")),
        (".", "451 4.3.0 later", Deferred("", account_wide=False)),
        (".", "554 5.7.1 spam", Rejected("")),
        (".", SILENCE, Unknown("")),
        (".", HANG_UP, Unknown("")),
        (".", "250" + "-" + "x" * 9000, Unknown("")),
    ],
)
def test_only_the_last_dot_leaves_doubt(step: str, answer: str, meaning: Outcome) -> None:
    with bad_smtp({step: answer}) as port:
        provider = Smtp(f"smtp://user:{PASSWORD}@127.0.0.1:{port}", timeout_seconds=1.0)
        outcome = provider.send(PLAIN, NOW)
        provider.close()
    assert not isinstance(outcome, Accepted)
    assert replace(outcome, reason="") == meaning
    assert PASSWORD not in repr(outcome)


def test_the_servers_own_name_for_a_message_is_the_reference() -> None:
    with bad_smtp({}) as port:
        provider = Smtp(f"smtp://127.0.0.1:{port}")
        assert provider.send(PLAIN, NOW) == Accepted("4BxYz")
        provider.close()


def test_a_message_larger_than_the_server_takes_is_not_even_offered() -> None:
    with bad_smtp({"EHLO": "250-mail.example\r\n250 SIZE 1000", "MAIL": HANG_UP}) as port:
        provider = Smtp(f"smtp://127.0.0.1:{port}")
        outcome = provider.send(replace(PLAIN, text="x" * 2000), NOW)
        provider.close()
    assert isinstance(outcome, Rejected)
    assert "takes 1000" in outcome.reason


def test_an_address_beyond_ascii_needs_a_server_that_takes_it() -> None:
    envelope = replace(PLAIN, to="josé@example.com")
    with bad_smtp({}) as port:
        provider = Smtp(f"smtp://127.0.0.1:{port}")
        outcome = provider.send(envelope, NOW)
        provider.close()
    assert isinstance(outcome, Rejected)
    assert "SMTPUTF8" in outcome.reason
    with bad_smtp({"EHLO": "250-mail.example\r\n250 SMTPUTF8"}) as port:
        provider = Smtp(f"smtp://127.0.0.1:{port}")
        assert isinstance(provider.send(envelope, NOW), Accepted)
        provider.close()


def test_a_connection_that_died_while_idle_is_replaced() -> None:
    with bad_smtp({"RSET": HANG_UP}) as port:
        provider = Smtp(f"smtp://127.0.0.1:{port}")
        assert isinstance(provider.send(PLAIN, NOW), Accepted)
        assert isinstance(provider.send(PLAIN, NOW), Accepted)
        provider.close()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        (None, "is empty"),
        ("", "is empty"),
        (f"http://user:{PASSWORD}@host", "starts with 'http'"),
        (f"user:{PASSWORD}@host:25", "starts with"),
        (f"smtp://user:{PASSWORD}@host:port", "cannot be read"),
        (f"smtp://user:{PASSWORD}@", "must be smtp://"),
        (f"smtp://user:{PASSWORD}/x@host", "must be|cannot be read"),
        ("smtp://user@host", "both a user name and a password"),
        (f"smtp://user:{PASSWORD}@host/inbox", "nothing after the port"),
    ],
)
def test_a_url_that_cannot_work_is_refused_without_showing_it(url: str | None, complaint: str) -> None:
    with pytest.raises(Misconfigured, match=complaint) as refused:
        Smtp(url)
    assert "NOTIFIER_SMTP_URL" in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_a_password_may_hold_any_character(smtp: SmtpServer, trusted: ssl.SSLContext) -> None:
    login = f"{smtp.username}:let%2Dme%2Din"
    provider = Smtp(address(smtp, "smtps", login), tls=trusted)
    assert isinstance(provider.send(PLAIN, NOW), Accepted)
    provider.close()


def test_a_kept_connection_that_no_longer_answers_leaves_time_for_a_new_one() -> None:
    with bad_smtp({"RSET": SILENCE}) as port:
        provider = Smtp(f"smtp://127.0.0.1:{port}", timeout_seconds=1.0)
        assert isinstance(provider.send(PLAIN, NOW), Accepted)
        assert isinstance(provider.send(PLAIN, NOW), Accepted)
        provider.close()


def test_a_server_that_repeats_the_password_does_not_get_it_shown() -> None:
    with bad_smtp({"RCPT": f"550 {'x' * 240} {PASSWORD}"}) as port:
        provider = Smtp(f"smtp://user:{PASSWORD}@127.0.0.1:{port}")
        outcome = provider.send(PLAIN, NOW)
        provider.close()
    assert isinstance(outcome, Rejected)
    assert "do-not" not in outcome.reason


DSN = {"EHLO": "250-mail.example\r\n250 DSN"}


def test_a_server_that_reports_failures_is_asked_to_under_our_id() -> None:
    heard: list[str] = []
    with bad_smtp(DSN, heard) as port:
        provider = Smtp(f"smtp://127.0.0.1:{port}")
        assert isinstance(provider.send(PLAIN, NOW), Accepted)
        provider.close()
    assert f"mail FROM:<orders@shop.example> RET=HDRS ENVID={PLAIN.message_id}" in heard
    assert f"rcpt TO:<{PLAIN.to}> NOTIFY=FAILURE,DELAY" in heard


def test_a_server_without_dsn_is_not_asked() -> None:
    heard: list[str] = []
    with bad_smtp({}, heard) as port:
        provider = Smtp(f"smtp://127.0.0.1:{port}")
        assert isinstance(provider.send(PLAIN, NOW), Accepted)
        provider.close()
    assert "mail FROM:<orders@shop.example>" in heard
    assert f"rcpt TO:<{PLAIN.to}>" in heard


def test_bounces_go_where_they_are_wanted(smtp: SmtpServer, trusted: ssl.SSLContext) -> None:
    provider = Smtp(address(smtp, "smtps"), tls=trusted, bounces_to="bounces@mail.shop.example")
    assert isinstance(provider.send(PLAIN, NOW), Accepted)
    provider.close()
    (received,) = smtp.received
    assert received.sender == "bounces@mail.shop.example"
    assert "orders@shop.example" in received.message["From"]


@pytest.mark.parametrize(
    "value", ["Bounces <b@shop.example>", "b", "b@shop.example\r\nDATA", "jos\xe9@shop.example"]
)
def test_a_bounce_address_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(Misconfigured, match="NOTIFIER_BOUNCE_ADDRESS"):
        Smtp("smtp://127.0.0.1", bounces_to=value)
