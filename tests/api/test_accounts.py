"""An operator sees what keeps emails from leaving, and ends it."""

from notifier.providers.base import Unavailable
from tests.api.client import Api
from tests.api.test_messages import deliver_to

WELL = {
    "account": "outbox",
    "provider": "outbox",
    "second": False,
    "state": "closed",
    "reason": None,
    "paused_until": None,
    "failures": 0,
    "sends_per_second": None,
}


def test_the_account_of_a_new_store_is_well(api: Api) -> None:
    assert api("GET", "/v1/accounts") == {"data": [WELL], "next": None}


def test_trouble_is_told_with_its_reason_until_a_person_ends_it(api: Api) -> None:
    backorder = api.register()
    deliver_to(api, Unavailable("the key is wrong", needs_person=True))
    (account,) = api("GET", "/v1/accounts")["data"]
    assert (account["state"], account["reason"], account["failures"]) == ("paused", "the key is wrong", 1)
    assert account["paused_until"] > api.clock().isoformat()
    api.deliver()
    assert api.message(backorder["id"], "expectation")["status"] == "planned"
    assert api("POST", "/v1/accounts/outbox/resume") == WELL
    api.deliver()
    assert api.message(backorder["id"], "expectation")["status"] == "sent"


def test_an_account_whose_pause_is_over_is_tried_with_one_email(api: Api) -> None:
    api.register()
    deliver_to(api, Unavailable("down"))
    api.clock.pass_by(minutes=1)
    assert api("GET", "/v1/accounts")["data"][0]["state"] == "probing"
    api.deliver()
    assert api("GET", "/v1/accounts")["data"] == [WELL]


def test_the_account_of_others_cannot_be_resumed(api: Api) -> None:
    api.problem(404, "POST", "/v1/accounts/smtp/resume")
