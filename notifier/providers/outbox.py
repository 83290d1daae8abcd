"""A folder instead of a mail service: each email becomes one .eml file that any mail program opens."""

import errno
import os
import tempfile
from datetime import datetime
from pathlib import Path

from notifier.errors import Misconfigured
from notifier.providers import mime, reason
from notifier.providers.base import Accepted, Envelope, Outcome, Rejected, Unavailable

_NEEDS_PERSON = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}


class Outbox:
    """Writes `<message_id>.eml` into `folder`, made when first needed. A repeat replaces the same file."""

    name = "outbox"
    removes_duplicates = True
    timeout_seconds = 10.0

    def __init__(self, folder: Path | None) -> None:
        if not folder:
            raise Misconfigured("NOTIFIER_OUTBOX_DIR is empty; it must name a folder, such as outbox/.")
        self.folder = Path(folder)

    def send(self, envelope: Envelope, now: datetime) -> Outcome:
        """Accepted once the file is on the disk, not only in the system's cache; its name is the `ref`."""
        try:
            mail = mime.build(envelope)
        except mime.Unmailable as error:
            return Rejected(str(error))
        path = self.folder / f"{mime.safe_id(envelope.message_id)}.eml"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _replace(path, mail.content)
        except OSError as error:
            return Unavailable(
                f"cannot write to the outbox folder {self.folder.absolute()}: {reason.of_oserror(error)}",
                needs_person=error.errno in _NEEDS_PERSON,
            )
        return Accepted(path.name)

    def close(self) -> None:
        """Nothing is held open."""


def _replace(path: Path, content: bytes) -> None:
    """All of `content` or what was there before, whatever dies when."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    if os.name != "posix":  # elsewhere a folder cannot be opened, and needs no flush of its own
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name too, not only the bytes
    finally:
        os.close(folder)
