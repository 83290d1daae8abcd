"""What a mail service reported, and was thanked for, outlives every process."""

import json
import urllib.request
from pathlib import Path
from typing import Any

from tests import parts
from tests.e2e.test_service import Installation, install, listens, registered_and_told, within
from tests.providers.test_reports import EPOCH, PUBLIC_KEY, by_sendgrid


class Hooked(Installation):
    """An installation that knows the key of SendGrid's webhook."""

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"SENDGRID_WEBHOOK_PUBLIC_KEY": PUBLIC_KEY}

    def message(self) -> Any:
        (row,) = [m for m in self.call("GET", "/v1/messages")[1]["data"] if m["kind"] == "expectation"]
        return row

    def hear(self, event: dict[str, Any]) -> Any:
        body = json.dumps([event]).encode()
        store_id = self.call("GET", "/v1/store")[1]["id"]
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/webhooks/sendgrid/{store_id}", body, by_sendgrid(body)
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310  our own address
            return json.load(answer)


def test_a_report_that_was_answered_is_applied_though_every_process_is_killed(
    tmp_path: Path, postgresql_server: str
) -> None:
    with parts.database(postgresql_server) as url:
        made = install(tmp_path, url)
        here = Hooked(made.folder, made.database_url, made.port, made.api_key)
        api = ("api", "--port", str(here.port))
        with here.running(*api):
            within(30, listens(here))
            with here.running("worker"):
                registered_and_told(here)
            bounce = {
                "event": "bounce",
                "type": "bounce",
                "notification_id": here.message()["id"],
                "timestamp": EPOCH,
            }
            assert here.hear(bounce) == {"kept": 1}
            assert here.message()["status"] == "sent"
        with here.running(*api), here.running("worker"):
            within(30, listens(here))
            within(30, lambda: here.message()["status"] == "bounced")
            (suppressed,) = here.call("GET", "/v1/suppressions")[1]["data"]
            assert (suppressed["address"], suppressed["scope"]) == ("jane@example.com", "all")
            assert here.hear(bounce) == {"kept": 0}
