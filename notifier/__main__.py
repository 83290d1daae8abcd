"""`notifier` on the command line, and `python -m notifier`."""

import gc


def main() -> None:
    """Run the command that the arguments name."""
    gc.disable()  # nothing of the program is garbage while it is put together: a fifth of the time of a start
    from notifier import cli

    gc.enable()
    cli.main()


if __name__ == "__main__":
    main()
