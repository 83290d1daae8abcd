"""`notifier` on the command line, and `python -m notifier`."""

import gc
import sys
from typing import Any


def main() -> None:
    """Run the command that the arguments name."""
    gc.disable()  # nothing of the program is garbage while it is put together: a fifth of the time of a start
    _load_log()
    from notifier import cli

    gc.enable()
    cli.main()


def _load_log() -> None:
    """Have structlog loaded without Rich, which it would print tracebacks with that are not wanted here (`logs`): it
    would be a twentieth of a start, and what needs it imports it for itself."""
    if "rich" in sys.modules:
        return
    modules: Any = sys.modules  # of which None says that there is none
    modules["rich"] = None
    import structlog  # noqa: F401

    del modules["rich"]


if __name__ == "__main__":
    main()
