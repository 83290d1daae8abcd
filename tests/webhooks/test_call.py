"""One POST: signed, to an address that was checked, within its time."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from notifier.webhooks.call import MOST_BYTES, Answered, Caller, Unreached
from tests.webhooks.receiver import (
    Answer,
    Receiver,
    drips,
    floods,
    hangs_up,
    never_answers,
    raw,
    receiving,
    says,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwVwz5xJ2fZ2o="
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDVwz5xJ2fZ2o="
BODY = '{"type":"backorder.delayed","data":{"order_id":"1042 ✓"}}'
PUBLIC = "93.184.215.14"
HEAD = b"HTTP/1.1 %d Whatever\r\n"


@dataclass
class Net:
    """A network in which names stand for what a test says, and every address leads to one server."""

    port: int
    answers: list[list[str]]
    dialled: list[str] = field(default_factory=list)
    asked: int = 0

    def resolve(self, _host: str, _port: int) -> list[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def dial(self, address: str, _port: int, seconds: float) -> socket.socket:
        self.dialled.append(address)
        return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)


def post(caller: Caller, url: str, *secrets: str) -> Answered:
    return caller.post(url, "event_1", BODY, secrets or [SECRET], datetime.now(UTC))


def public(receiver: Receiver, *answers: list[str]) -> tuple[Net, Caller]:
    net = Net(receiver.port, list(answers) or [[PUBLIC]])
    return net, Caller(authorities=receiver.authorities, resolve=net.resolve, dial=net.dial)


def local(receiver: Receiver, seconds: float = 15) -> Caller:
    return Caller(private=True, authorities=receiver.authorities, seconds=seconds)


# --- what is posted ---------------------------------------------------------------------------------------


def test_a_receiver_can_verify_what_it_is_told(receiver: Receiver) -> None:
    assert post(local(receiver), receiver.url) == Answered(204, "")
    (told,) = receiver.told
    assert told.verified(SECRET)["data"] == {"order_id": "1042 ✓"}
    assert told.path == "/told?shop=1"
    assert told.id == "event_1"
    assert told.headers["content-type"] == "application/json"
    assert told.headers["host"] == f"localhost:{receiver.port}"


def test_after_a_change_of_secret_both_are_good(receiver: Receiver) -> None:
    post(local(receiver), receiver.url, SECRET, OTHER)
    (told,) = receiver.told
    assert told.verified(SECRET) == told.verified(OTHER)


def test_what_was_changed_or_is_old_is_not_good(receiver: Receiver) -> None:
    post(local(receiver), receiver.url)
    (told,) = receiver.told
    for headers, body in (
        (told.headers, told.body.replace(b"1042", b"1043")),
        (told.headers | {"webhook-id": "event_2"}, told.body),
        (told.headers | {"webhook-timestamp": str(int(told.headers["webhook-timestamp"]) - 1)}, told.body),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(body, headers)
    long_ago = datetime.now(UTC) - timedelta(minutes=6)
    local(receiver).post(receiver.url, "event_1", BODY, [SECRET], long_ago)
    with pytest.raises(WebhookVerificationError, match="too old"):
        receiver.told[1].verified(SECRET)


# --- where it goes ----------------------------------------------------------------------------------------


def test_a_public_name_is_called_at_the_address_that_was_checked(receiver: Receiver) -> None:
    net, caller = public(receiver)
    assert post(caller, "https://hooks.example/in").status == 204
    assert net.dialled == [PUBLIC]
    assert receiver.told[0].headers["host"] == "hooks.example"


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["::1"], ["10.0.0.5"], ["169.254.169.254"], ["::ffff:93.184.215.14"], ["fe80::1%eth0"],
     [PUBLIC, "192.168.1.1"], ["100.64.0.1", PUBLIC], ["224.0.0.1"]],
    ids=str,
)  # fmt: skip
def test_a_name_that_leads_inside_is_never_called(receiver: Receiver, addresses: list[str]) -> None:
    net, caller = public(receiver, addresses)
    with pytest.raises(Unreached, match=r"hooks\.example leads to"):
        post(caller, "https://hooks.example/in")
    assert net.dialled == []
    assert receiver.told == []


def test_a_name_that_changes_its_mind_gains_nothing(receiver: Receiver) -> None:
    """What is checked is what is called: the name is looked up once a call."""
    net, caller = public(receiver, [PUBLIC], ["127.0.0.1"])
    post(caller, "https://hooks.example/in")
    assert (net.asked, net.dialled) == (1, [PUBLIC])
    with pytest.raises(Unreached, match=r"leads to 127\.0\.0\.1"):
        post(caller, "https://hooks.example/in")
    assert net.dialled == [PUBLIC]


def test_the_system_s_own_names_of_this_machine_are_refused(receiver: Receiver) -> None:
    caller = Caller(authorities=receiver.authorities)
    for url in (receiver.url, f"https://127.0.0.1:{receiver.port}/", f"https://127.1:{receiver.port}/"):
        with pytest.raises(Unreached):
            post(caller, url)
    assert receiver.told == []


def test_redirects_are_not_followed(receiver: Receiver, plain_receiver: Receiver) -> None:
    for status in (301, 302, 303, 307, 308):
        receiver.answers = [says(status, Location=plain_receiver.url)]
        assert post(local(receiver), receiver.url).status == status
    assert plain_receiver.told == []


def test_a_certificate_of_another_name_is_refused(receiver: Receiver) -> None:
    _, caller = public(receiver)
    with pytest.raises(Unreached, match="certificate is not good"):
        post(caller, "https://other.example/in")
    assert receiver.told == []


def test_a_certificate_that_nobody_vouches_for_is_refused(receiver: Receiver) -> None:
    with pytest.raises(Unreached, match="certificate is not good"):
        post(Caller(private=True), receiver.url)
    assert receiver.told == []


def test_the_next_address_is_tried_where_one_is_dead(receiver: Receiver) -> None:
    net, _ = public(receiver)
    silent = socket.socketpair()

    def dial(address: str, port: int, seconds: float) -> socket.socket:
        if address == "1.1.1.1":
            raise ConnectionRefusedError(111, "Connection refused")
        if address == "8.8.8.8":
            silent[0].settimeout(seconds)
            silent[0].recv(1)  # as long as it may, in vain
        return net.dial(address, port, seconds)

    addresses = ["1.1.1.1", "8.8.8.8", PUBLIC]
    caller = Caller(authorities=receiver.authorities, resolve=lambda *_: addresses, dial=dial, seconds=3)
    assert post(caller, "https://hooks.example/in").status == 204
    for end in silent:
        end.close()


# --- what may go wrong ------------------------------------------------------------------------------------


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port that takes connections, and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_who_does_not_listen_is_unreached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(Unreached, match="refused"):
        post(Caller(private=True), f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_who_says_nothing_is_not_waited_for(deaf: int, scheme: str) -> None:
    with pytest.raises(Unreached, match=r"no answer within 0\.3 seconds"):
        post(Caller(private=True, seconds=0.3), f"{scheme}://127.0.0.1:{deaf}/")


def test_a_name_that_takes_for_ever_to_look_up_is_not_waited_for(receiver: Receiver) -> None:
    never = socket.socketpair()

    def resolve(_host: str, _port: int) -> list[str]:
        never[0].recv(1)
        return [PUBLIC]

    with pytest.raises(Unreached, match="no answer within"):
        post(Caller(resolve=resolve, seconds=0.2), "https://hooks.example/")
    never[1].send(b"x")
    for end in never:
        end.close()


def test_a_name_that_does_not_exist_is_said_so() -> None:
    with pytest.raises(Unreached, match="can't be looked up"):
        post(Caller(private=True), "http://does-not-exist.invalid/")
    with pytest.raises(Unreached, match="has no address"):
        post(Caller(resolve=lambda *_: []), "https://hooks.example/")
    with pytest.raises(Unreached, match="can't be looked up"):
        post(Caller(private=True), f"http://{'x' * 70}.example/")


@pytest.mark.parametrize(
    "answer",
    [
        never_answers,
        drips(b"", b"H"),
        drips(HEAD % 200, b"X-More: again\r\n"),
        drips(HEAD % 200 + b"X-Long: ", b"x"),
    ],
    ids=["silent", "drips a status", "drips headers", "drips one header"],
)
def test_an_answer_that_never_gets_done_is_not_waited_for(plain_receiver: Receiver, answer: Answer) -> None:
    plain_receiver.answers = [answer]
    with pytest.raises(Unreached):
        post(local(plain_receiver, seconds=0.4), plain_receiver.url)


@pytest.mark.parametrize(
    "answer",
    [
        drips(HEAD % 200 + b"Content-Length: 99999\r\n\r\n", b"x"),
        floods(HEAD % 200 + b"\r\n", b"x" * 65536),
        floods(HEAD % 200 + b"Transfer-Encoding: chunked\r\n\r\n", b"4\r\nxxxx\r\n"),
        drips(HEAD % 200 + b"Transfer-Encoding: chunked\r\n\r\n", b"1"),
    ],
    ids=["drips a body", "a body without end", "chunks without end", "a chunk without end"],
)
def test_once_the_status_is_known_the_body_is_not_waited_for(
    plain_receiver: Receiver, answer: Answer
) -> None:
    plain_receiver.answers = [answer]
    assert post(local(plain_receiver, seconds=5), plain_receiver.url).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        hangs_up,
        floods(b"", b"x" * 4096),
        floods(HEAD % 200, b"X-More: again\r\n"),
        floods(HEAD % 200 + b"X-Long: ", b"x" * 4096),
        floods(b"SSH-2.0-OpenSSH_9.9\r\n", b""),
    ],
    ids=["hangs up", "no status without end", "headers without end", "one header without end", "not HTTP"],
)
def test_what_is_no_answer_is_said_so(plain_receiver: Receiver, answer: Answer) -> None:
    plain_receiver.answers = [answer]
    with pytest.raises(Unreached, match=r"HTTP|hung up"):
        post(local(plain_receiver, seconds=5), plain_receiver.url)


def test_the_first_words_of_an_error_are_kept(plain_receiver: Receiver) -> None:
    plain_receiver.answers = [says(503, "back\x00 soon\r\n<b>" + "x" * MOST_BYTES, Retry_After="120")]
    answer = post(local(plain_receiver), plain_receiver.url)
    assert (answer.status, answer.retry_after_seconds) == (503, 120)
    assert answer.words.startswith("back soon <b>xxx")
    assert len(answer.words) == 200


@pytest.mark.parametrize("after", ["", "soon", "-5", "1e9", "9" * 5000, "Wed, 21 Oct 2026 07:28:00 GMT", "٣"])
def test_a_retry_after_that_is_no_number_of_seconds_is_nothing(plain_receiver: Receiver, after: str) -> None:
    line = HEAD % 503 + b"Retry-After: " + after.encode() + b"\r\nContent-Length: 0\r\n\r\n"
    plain_receiver.answers = [raw(line)]
    assert post(local(plain_receiver), plain_receiver.url).retry_after_seconds is None


def test_plain_http_and_private_addresses_are_for_development(plain_receiver: Receiver) -> None:
    with pytest.raises(Unreached, match="https"):
        post(Caller(), plain_receiver.url)
    assert plain_receiver.told == []
    with receiving() as another:
        assert post(Caller(private=True), another.url).status == 204
