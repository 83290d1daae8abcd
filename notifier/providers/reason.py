"""What a service or a library said, made fit for a record that people read."""

LONGEST = 300


def plain(said: object, *secrets: str) -> str:
    """`said` on one line, at most `LONGEST` characters, without control characters and without `secrets`."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def of_oserror(error: OSError, *secrets: str) -> str:
    """The system's own words, without the errno that means nothing to a reader."""
    return plain(error.strerror or str(error) or type(error).__name__, *secrets)
