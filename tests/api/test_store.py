import pytest

from tests.api.client import Api

DEFAULTS = {
    "countdown_days": [14, 7, 3, 1],
    "send_window": {"start": "09:00", "end": "20:00"},
    "min_gap_hours": 20,
    "settle_minutes": 15,
    "delay_threshold_days": 1,
    "jurisdiction": "auto",
    "max_messages_per_change": 10000,
    "auto_notice": True,
    "unknown_sends": "hold",
}


UNSET = {"set": False, "last4": None}
NO_KEYS = {
    "sendgrid": {"api_key": UNSET, "base_url": None, "unsubscribe_group": None, "templates": None,
                 "webhook_public_key": UNSET},
    "klaviyo": {"api_key": UNSET, "webhook_secret": UNSET},
    "smtp": {"url": UNSET, "server": None},
}  # fmt: skip


def test_a_store_tells_of_itself_but_not_its_key(api: Api) -> None:
    response = api.request("GET", "/v1/store")
    assert response.json() == {
        "id": api.store.store.id,
        "name": "Glass & Light",
        "timezone": "America/New_York",
        "locale": "en-US",
        "country": "US",
        "sender": "Notifier <notifier@localhost.localdomain>",
        "reply_to": None,
        "provider": "outbox",
        "second_provider": None,
        "widget": "off",
        "widget_key": None,
        "brand": {},
        "keys": NO_KEYS,
        "created_at": "2026-12-01T15:00:00Z",
    }
    assert api.store.api_key not in response.text


def test_the_policy_of_a_new_store_is_the_default(api: Api) -> None:
    assert api("GET", "/v1/policy") == DEFAULTS


def test_a_policy_is_replaced_whole(api: Api) -> None:
    changed = api("PUT", "/v1/policy", json={"countdown_days": [1, 30, 30], "settle_minutes": 0})
    assert changed == DEFAULTS | {"countdown_days": [30, 1], "settle_minutes": 0}
    assert api("PUT", "/v1/policy", json={"auto_notice": False}) == DEFAULTS | {"auto_notice": False}
    assert api("GET", "/v1/policy") == DEFAULTS | {"auto_notice": False}
    assert api("PUT", "/v1/policy", json=DEFAULTS) == DEFAULTS


@pytest.mark.parametrize("window", ["08:30-17:00", "08:30–17:00", {"start": "08:30", "end": "17:00"}])
def test_a_send_window_may_be_written_in_short(api: Api, window: object) -> None:
    assert api("PUT", "/v1/policy", json={"send_window": window})["send_window"] == {
        "start": "08:30",
        "end": "17:00",
    }


def test_half_a_send_window_has_the_other_half_by_default(api: Api) -> None:
    api("PUT", "/v1/policy", json={"send_window": {"start": "10:00"}})
    assert api("GET", "/v1/policy")["send_window"] == {"start": "10:00", "end": "20:00"}


def test_planned_emails_follow_a_new_policy(api: Api) -> None:
    backorder = api.register()["id"]
    api.deliver()

    def countdowns() -> list[str]:
        messages = api("GET", f"/v1/backorders/{backorder}")["messages"]
        return [m["due_at"] for m in messages if (m["kind"], m["status"]) == ("countdown", "planned")]

    assert countdowns() == ["2026-12-05T14:00:00Z", "2026-12-09T14:00:00Z", "2026-12-11T14:00:00Z"]
    api("PUT", "/v1/policy", json={"countdown_days": [2], "send_window": "10:00-12:00"})
    api.deliver()
    assert countdowns() == ["2026-12-10T15:00:00Z"]


FAULTS = [
    ({"countdown_days": [0]}, "/countdown_days/0"),
    ({"countdown_days": "7"}, "/countdown_days"),
    ({"countdown_days": [7] * 21}, "/countdown_days"),
    ({"send_window": "20:00-09:00"}, "/send_window"),
    ({"send_window": "9-17"}, "/send_window/start"),
    ({"send_window": {"start": "25:00", "end": "26:00"}}, "/send_window/start"),
    ({"min_gap_hours": -1}, "/min_gap_hours"),
    ({"settle_minutes": 1.5}, "/settle_minutes"),
    ({"delay_threshold_days": 10**30}, "/delay_threshold_days"),
    ({"jurisdiction": "moon"}, "/jurisdiction"),
    ({"max_messages_per_change": 0}, "/max_messages_per_change"),
    ({"auto_notice": "yes"}, "/auto_notice"),
    ({"unknown_sends": "sometimes"}, "/unknown_sends"),
    ({"countdown": [7]}, "/countdown"),
]


def test_an_impossible_policy_is_refused_and_the_old_one_stays(api: Api) -> None:
    assert api.faults("PUT", "/v1/policy", FAULTS) == []
    assert api("GET", "/v1/policy") == DEFAULTS
