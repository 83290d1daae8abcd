"""A mail server that goes wrong at a chosen step, which no real one does on demand."""

import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

SILENCE, HANG_UP, RESET, ENDLESS = "(silence)", "(hang up)", "(reset)", "(endless)"
SLOWLY = "(slowly)"

USUAL = {
    "CONNECT": "220 mail.example ready",
    "EHLO": "250-mail.example\r\n250 AUTH PLAIN",
    "AUTH": "235 2.7.0 welcome",
    "RSET": "250 2.0.0 Ok",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 go ahead",
    ".": "250 2.0.0 Ok: queued as 4BxYz",
    "QUIT": "221 2.0.0 Bye",
}


@contextmanager
def bad_smtp(wrong: Mapping[str, str], heard: list[str] | None = None) -> Iterator[int]:
    """The port of a server that answers as `wrong` says for a verb, `CONNECT` or `.`, and else as usual.

    An answer may be `SILENCE`, `HANG_UP`, `RESET`, `ENDLESS` (a byte now and then, for ever), or `SLOWLY` (as usual,
    after two seconds). What the client says goes into `heard`, but for the message.
    """
    replies = {**USUAL, **wrong}
    over = threading.Event()

    def serve(client: socket.socket) -> None:
        with client, client.makefile("rb") as lines, suppress(OSError):
            verb, in_data = "CONNECT", False
            while True:
                reply = replies[verb]
                if reply == SLOWLY:
                    over.wait(2)
                    reply = USUAL[verb]
                if reply == SILENCE:
                    over.wait()
                if reply == RESET:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                while reply == ENDLESS and not over.wait(0.05):
                    client.sendall(b"2")
                if reply in (SILENCE, HANG_UP, RESET, ENDLESS):
                    return
                client.sendall(reply.encode() + b"\r\n")
                in_data = verb == "DATA" and reply.startswith("354")
                line = lines.readline()
                while in_data and line not in (b".\r\n", b""):
                    line = lines.readline()
                if not line:
                    return
                if heard is not None:
                    heard.append(line.decode().strip())
                verb = "." if in_data else line.split()[0].decode().upper()

    def accept() -> None:
        while not over.is_set():
            with suppress(OSError):
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
