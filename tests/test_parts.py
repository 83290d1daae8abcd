"""The real parts themselves: other tests stand on them, so they are tried alone first."""

import smtplib
import ssl
from email.message import EmailMessage

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.sync_api import Page

from tests import parts


def an_email(to: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@example.com", to, "On its way"
    message.set_content("Hello")
    return message


def send(smtp: parts.SmtpServer, to: str) -> None:
    with smtplib.SMTP(smtp.host, smtp.port) as client:
        client.starttls(context=ssl.create_default_context(cafile=smtp.certificate))
        client.login(smtp.username, smtp.password)
        client.send_message(an_email(to))


def test_postgresql_gives_each_test_a_copy_of_its_own(postgresql_server: str) -> None:
    with parts.database(postgresql_server) as template:
        with psycopg.connect(template) as connection:
            connection.execute("CREATE TABLE kept (id int)")
        for _ in range(2):
            copy = parts.database(postgresql_server, template=template)
            with copy as url, psycopg.connect(url) as connection:
                connection.execute("INSERT INTO kept VALUES (1)")
                assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1,)


def test_smtp_keeps_what_it_takes_over_starttls(smtp: parts.SmtpServer) -> None:
    send(smtp, "jane@example.com")
    [received] = smtp.received
    assert received.recipients == ["jane@example.com"]
    assert received.message["Subject"] == "On its way"


def test_smtp_keeps_what_it_takes_over_tls(smtp: parts.SmtpServer) -> None:
    context = ssl.create_default_context(cafile=smtp.certificate)
    with smtplib.SMTP_SSL(smtp.host, smtp.tls_port, context=context) as client:
        client.login(smtp.username, smtp.password)
        client.send_message(an_email("jane@example.com"))
    assert len(smtp.received) == 1


def test_smtp_takes_nothing_without_a_login(smtp: parts.SmtpServer) -> None:
    with smtplib.SMTP(smtp.host, smtp.port) as client:
        client.starttls(context=ssl.create_default_context(cafile=smtp.certificate))
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.send_message(an_email("jane@example.com"))
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(smtp.username, "guessed")
    assert smtp.received == []


@pytest.mark.parametrize(("to", "code"), [("refused@example.com", 550), ("busy@example.com", 451)])
def test_smtp_turns_some_recipients_down(smtp: parts.SmtpServer, to: str, code: int) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        send(smtp, to)
    assert refusal.value.recipients[to][0] == code
    assert smtp.received == []


def test_smtp_hangs_up_after_a_message_that_vanishes(smtp: parts.SmtpServer) -> None:
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(smtp, "vanish@example.com")
    assert len(smtp.received) == 1


def test_the_browser_reads_a_page_that_is_served(page: Page) -> None:
    app = FastAPI()

    @app.get("/", response_class=HTMLResponse)
    def home() -> str:
        return "<title>Hello</title><h1>It is on its way</h1>"

    with parts.served(app) as address:
        page.goto(address)
        assert page.get_by_role("heading").inner_text() == "It is on its way"
