"""Stories over the API: played by the store's own rules, nothing kept, faults pointed at."""

import json

from notifier.rehearsal import reply
from notifier.simulate.library import stories
from tests.api.client import Api, Json

SIMULATE = "/v1/simulate"


def story(name: str = "dates-a-date-kept") -> Json:
    told: Json = json.loads(stories()[name].text)
    return told


def test_a_story_is_played_and_told_customer_by_customer(api: Api) -> None:
    told = api("POST", SIMULATE, json=story())
    kinds = [line["kind"] for line in told["timeline"] if line["event"] == "message"]
    assert kinds == ["expectation", "waiting", *["countdown"] * 4, "shipped"]
    [customer] = told["customers"]
    emails = [one for one in customer["told"] if one["event"] == "message"]
    assert [email["kind"] for email in emails] == kinds
    assert all(email["why"] and "html" not in email for email in emails)
    assert any(one["event"] == "not_sent" and one["due"] for one in customer["told"])
    assert api("GET", "/v1/backorders")["data"] == []


def test_emails_come_with_their_words_where_they_are_asked_for(api: Api) -> None:
    api.services.plays.ask = reply  # in this process, which spares the start of another
    told = api("POST", f"{SIMULATE}?words=true", json=story())
    [expectation, *_] = [one for one in told["customers"][0]["told"] if one["event"] == "message"]
    assert expectation["html"].startswith("<!doctype html>")
    assert "ornament" in expectation["text"]


def test_what_a_story_leaves_out_is_the_stores_own(api: Api) -> None:
    api.services.plays.ask = reply
    api("PUT", "/v1/policy", json={"countdown_days": [2]})
    bare = {name: value for name, value in story().items() if name not in {"store", "policy"}}
    for told, days in ((bare, ["2"]), (bare | {"policy": {"countdown_days": [5]}}, ["5"])):
        lines = api("POST", SIMULATE, json=told)["timeline"]
        subjects = [line["subject"] for line in lines if line.get("kind") == "countdown"]
        assert [subject.split(": ")[1].split()[0] for subject in subjects] == days


def test_faults_point_into_the_story(api: Api) -> None:
    api.services.plays.ask = reply
    event = {"at": "2026-03-01T10:00:00Z", "do": "ship", "order_id": "7"}
    for told, detail, pointer in [
        ({"events": [event]}, "event 1: no order '7' is registered by then", "/events/0"),
        ({"events": [event | {"at": "soon"}]}, "event 1: /at: ", "/events/0/at"),
        ({"events": [event | {"do": "dance"}]}, "event 1: /do: 'dance' is no kind of event", "/events/0/do"),
        ({"events": [event] * 10_000}, "/events: a story may have 2,000 events at most", "/events"),
        ({"events": [], "until": "9999-01-01T00:00:00Z"}, "/until: 9999", "/until"),
        ({}, "/events: is required", "/events"),
    ]:
        problem = api("POST", SIMULATE, 422, json=told)
        assert problem["detail"].startswith(detail)
        assert problem["errors"][0]["pointer"] == pointer
    assert api("POST", SIMULATE, 422, json=[])["errors"]


def test_a_store_waits_for_its_own_last_story_only(api: Api) -> None:
    api.services.plays.ask = reply
    with api.services.plays.turn(api.store.store.id):
        assert "being played" in api("POST", SIMULATE, 429, json=story())["detail"]
    api("POST", SIMULATE, json=story())


def test_a_key_is_needed(api: Api) -> None:
    assert api.http.post(SIMULATE, json=story(), headers={"Authorization": "Bearer nk_no"}).status_code == 401
