"""The sending policy: what is taken and what is refused, what it would do, its versions, and who may change it."""

from typing import Any

import pytest

from notifier import policies
from notifier.api import policy_examples
from tests.api.client import Api, Json, a_line

DEFAULTS = {
    "countdown_days": [14, 7, 3, 1],
    "send_window": {"start": "09:00", "end": "20:00"},
    "min_gap_hours": 20,
    "max_per_week": 5,
    "waiting_every_days": 7,
    "next_word_days": 14,
    "payment_lead_days": 14,
    "settle_minutes": 15,
    "delay_threshold_days": 1,
    "jurisdiction": "auto",
    "max_messages_per_change": 10000,
    "auto_notice": True,
    "deemed_cancellation": "ask",
    "ask_further": False,
    "unknown_sends": "hold",
    "skus": {},
}


def put(api: Api, **policy: Any) -> Json:
    answer: Json = api("PUT", "/v1/policy", json=policy)
    return answer


def countdowns(api: Api, backorder: str) -> list[str]:
    messages = api("GET", f"/v1/backorders/{backorder}")["messages"]
    return [m["due_at"] for m in messages if (m["kind"], m["status"]) == ("countdown", "planned")]


def test_the_policy_of_a_new_store_is_the_default(api: Api) -> None:
    response = api.request("GET", "/v1/policy")
    assert response.json() == DEFAULTS | {"version": 1}
    assert response.headers["etag"] == '"1"'


def test_a_policy_is_replaced_whole(api: Api) -> None:
    changed = put(api, countdown_days=[1, 30], settle_minutes=0)
    assert changed == DEFAULTS | {"countdown_days": [30, 1], "settle_minutes": 0, "version": 2}
    assert put(api, auto_notice=False) == DEFAULTS | {"auto_notice": False, "version": 3}
    assert api("GET", "/v1/policy") == DEFAULTS | {"auto_notice": False, "version": 3}
    assert put(api, **DEFAULTS) == DEFAULTS | {"version": 4}


def test_what_is_read_can_be_put_again_and_changes_nothing(api: Api) -> None:
    put(api, **policy_examples.POLICY)
    read = api("GET", "/v1/policy")
    assert put(api, **read) == read


@pytest.mark.parametrize("window", ["08:30-17:00", "08:30–17:00", {"start": "08:30", "end": "17:00"}])
def test_a_send_window_may_be_written_in_short(api: Api, window: object) -> None:
    assert put(api, send_window=window)["send_window"] == {"start": "08:30", "end": "17:00"}


def test_half_a_send_window_has_the_other_half_by_default(api: Api) -> None:
    put(api, send_window={"start": "10:00"})
    assert api("GET", "/v1/policy")["send_window"] == {"start": "10:00", "end": "20:00"}


def test_planned_emails_follow_a_new_policy(api: Api) -> None:
    backorder = api.register()["id"]
    api.deliver()
    assert countdowns(api, backorder) == [
        "2026-12-05T14:00:00Z",
        "2026-12-09T14:00:00Z",
        "2026-12-11T14:00:00Z",
    ]
    put(api, countdown_days=[2], send_window="10:00-12:00")
    api.deliver()
    assert countdowns(api, backorder) == ["2026-12-10T15:00:00Z"]


# --- bad input -------------------------------------------------------------------------------------------

FAULTS = [
    ({"countdown_days": [0]}, "/countdown_days/0"),
    ({"countdown_days": [-7]}, "/countdown_days/0"),
    ({"countdown_days": [7, 10_000]}, "/countdown_days/1"),
    ({"countdown_days": [7, 3, 7]}, "/countdown_days"),
    ({"countdown_days": [True]}, "/countdown_days/0"),
    ({"countdown_days": "7"}, "/countdown_days"),
    ({"countdown_days": list(range(1, 41))}, "/countdown_days"),
    ({"send_window": "20:00-09:00"}, "/send_window"),
    ({"send_window": "09:00-09:00"}, "/send_window"),
    ({"send_window": "9-17"}, "/send_window/start"),
    ({"send_window": {"start": "25:00", "end": "26:00"}}, "/send_window/start"),
    ({"min_gap_hours": -1}, "/min_gap_hours"),
    ({"min_gap_hours": 400}, "/min_gap_hours"),
    ({"settle_minutes": 1.5}, "/settle_minutes"),
    ({"settle_minutes": True}, "/settle_minutes"),
    ({"delay_threshold_days": 10**30}, "/delay_threshold_days"),
    ({"jurisdiction": "moon"}, "/jurisdiction"),
    ({"max_messages_per_change": 0}, "/max_messages_per_change"),
    ({"auto_notice": "yes"}, "/auto_notice"),
    ({"unknown_sends": "sometimes"}, "/unknown_sends"),
    ({"countdown": [7]}, "/countdown"),
    ({"dry_run": "yes"}, "/dry_run"),
    ({"version": 0}, "/version"),
    ({"skus": []}, "/skus"),
    ({"skus": {"": {"countdown_days": [7]}}}, "/skus/"),
    ({"skus": {"  ": {"countdown_days": [7]}}}, "/skus/  "),
    ({"skus": {"A/B": {"countdown_days": [400]}}}, "/skus/A~1B/countdown_days/0"),
    ({"skus": {"A": {}}}, "/skus/A"),
    ({"skus": {"A": {"jurisdiction": "none"}}}, "/skus/A/jurisdiction"),
    ({"skus": {"A": {"countdown": [7]}}}, "/skus/A/countdown"),
    ({"skus": {"A": {"delay_threshold_days": -1}}}, "/skus/A/delay_threshold_days"),
    ({"min_gap_hours": 40, "skus": {"A": {"countdown_days": [2, 1]}}}, "/skus"),
    ({"skus": {f"A{number}": {"delay_threshold_days": 2} for number in range(1001)}}, "/skus"),
]


def test_an_impossible_policy_is_refused_and_the_old_one_stays(api: Api) -> None:
    assert api.faults("PUT", "/v1/policy", FAULTS) == []
    assert api("GET", "/v1/policy") == DEFAULTS | {"version": 1}


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"countdown_days": [10_000]}, "less than or equal to 365, not 10000"),
        ({"countdown_days": [7, 3, 7]}, "7 stands twice"),
        ({"send_window": "20:00-09:00"}, "never opens: start 20:00 must come before end 09:00"),
        ({"min_gap_hours": 400}, "min_gap_hours 400 leaves the countdown of 7, 3, 1 days no room after the one before"
                                 " it: at most 58 does, or leave 7, 3, 1 out of countdown_days"),
        ({"jurisdiction": "moon"}, "'auto', 'us-ftc', 'eu' or 'none', not 'moon'"),
        ({"settle_minutes": True}, "not True"),
        ({"skus": {"A": {"min_gap_hours": 1}}}, "is one for all SKUs of a store; by SKU there is countdown_days and"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_would_be_right(api: Api, policy: Json, words: str) -> None:
    assert words in api.problem(422, "PUT", "/v1/policy", json=policy)["errors"][0]["detail"]


def test_a_number_that_is_none_is_refused(api: Api) -> None:
    headers = {"Content-Type": "application/json"}
    problem = api.problem(422, "PUT", "/v1/policy", content='{"settle_minutes": NaN}', headers=headers)
    assert problem["errors"][0]["pointer"] == "/settle_minutes"


# --- one SKU ---------------------------------------------------------------------------------------------


def test_one_sku_may_have_milestones_of_its_own(api: Api) -> None:
    lines = [a_line("ORN-RED"), a_line("LAMP")]
    backorder = api.register(lines=lines)["id"]
    changed = api("PUT", "/v1/policy/skus/LAMP", json={"countdown_days": [5]})
    assert (changed["skus"], changed["version"]) == ({"LAMP": {"countdown_days": [5]}}, 2)
    api.deliver()
    assert countdowns(api, backorder) == [f"2026-12-{day}T14:00:00Z" for day in ("05", "07", "09", "11")]
    api("DELETE", "/v1/policy/skus/LAMP")
    api.problem(404, "DELETE", "/v1/policy/skus/LAMP")
    assert api("GET", "/v1/policy") == DEFAULTS | {"version": 3}


def test_a_sku_with_a_slash_and_what_its_policy_can_not_be(api: Api) -> None:
    assert api("PUT", "/v1/policy/skus/A%2FB", json={"delay_threshold_days": 5})["skus"] == {
        "A/B": {"delay_threshold_days": 5}
    }
    faults = [({}, ""), ({"delay_threshold_days": 61}, "/delay_threshold_days")]
    assert api.faults("PUT", "/v1/policy/skus/A", faults) == []
    assert api.problem(422, "PUT", "/v1/policy/skus/%20", json={"delay_threshold_days": 5})["errors"]


# --- two editors -----------------------------------------------------------------------------------------


def test_whoever_edits_an_older_version_is_told(api: Api) -> None:
    read = api("GET", "/v1/policy")
    put(api, settle_minutes=30)
    problem = api.problem(409, "PUT", "/v1/policy", json=read | {"min_gap_hours": 10})
    assert problem["errors"] == [{"pointer": "/version", "detail": "must be 2"}]
    assert api("GET", "/v1/policy")["min_gap_hours"] == 20


def test_if_match_guards_as_well(api: Api) -> None:
    for sent, status in (('"2"', 412), ("1", 412), ('"1"', 200), ('"1"', 412), ("*", 200)):
        response = api.request(
            "PUT", "/v1/policy", json={"settle_minutes": status}, headers={"If-Match": sent}
        )
        assert response.status_code == status, sent
    assert api("GET", "/v1/policy")["version"] == 2


# --- versions --------------------------------------------------------------------------------------------


def test_every_version_is_kept_and_can_be_put_back(api: Api, other: Api) -> None:
    api.register()
    put(api, countdown_days=[7])
    put(api, countdown_days=[7], min_gap_hours=10)
    found = api("GET", "/v1/policy/versions")["data"]
    assert [(it["version"], it["changed"]) for it in found] == [
        (3, ["min_gap_hours"]),
        (2, ["countdown_days"]),
        (1, []),
    ]
    assert found[0]["by"] == f"API key that ends in {api.store.api_key[-4:]}"
    assert [it["at"] for it in found] == ["2026-12-01T15:00:00Z"] * 3
    assert put(api, **found[1]["policy"])["version"] == 4
    assert api("GET", "/v1/policy/versions/4")["policy"] == found[1]["policy"]
    api.problem(404, "GET", "/v1/policy/versions/5")
    other.problem(404, "GET", "/v1/policy/versions/2")
    assert [it["version"] for it in other("GET", "/v1/policy/versions")["data"]] == [1]


def test_versions_come_page_by_page(api: Api) -> None:
    for minutes in range(3):
        put(api, settle_minutes=minutes)
    page = api("GET", "/v1/policy/versions", params={"limit": 3})
    rest = api("GET", "/v1/policy/versions", params={"limit": 3, "after": page["next"]})
    assert [it["version"] for it in page["data"] + rest["data"]] == [4, 3, 2, 1]
    assert [it["changed"] for it in page["data"]] == [["settle_minutes"]] * 3
    assert rest["next"] is None


def test_a_version_tells_how_far_the_orders_have_followed_it(api: Api) -> None:
    for number in range(3):
        api.register(order_id=str(number))
    put(api, countdown_days=[7])
    begun = {"total": 3, "done": 0, "finished_at": None, "overtaken": False}
    assert api("GET", "/v1/policy/versions/2")["orders"] == begun
    put(api, countdown_days=[5])
    api.deliver()
    done = begun | {"finished_at": "2026-12-01T15:00:00Z"}
    assert api("GET", "/v1/policy/versions/2")["orders"] == done | {"overtaken": True}
    assert api("GET", "/v1/policy/versions/3")["orders"] == done | {"done": 3}


# --- what it would do ------------------------------------------------------------------------------------


def test_a_dry_run_tells_what_the_policy_would_do_and_does_nothing(api: Api) -> None:
    backorder = api.register()["id"]
    api.deliver()
    wanted = {"countdown_days": [5, 3], "send_window": "10:00-20:00"}
    before = api("GET", f"/v1/backorders/{backorder}")
    effect = api("PUT", "/v1/policy", json=wanted | {"dry_run": True})
    assert api("GET", f"/v1/backorders/{backorder}") == before
    assert api("GET", "/v1/policy") == DEFAULTS | {"version": 1}
    assert (effect["exact"], effect["orders"], effect["orders_looked_at"]) == (True, 1, 1)
    assert (effect["before"]["countdown"], effect["after"]["countdown"]) == (3, 2)
    assert {how: it["count"] for how, it in effect["changes"].items()} == {
        "added": 1, "cancelled": 2, "moved": 1, "reworded": 0,
    }  # fmt: skip
    (moved,) = effect["changes"]["moved"]["examples"]
    assert moved == {
        "backorder_id": backorder,
        "order_id": "1042",
        "kind": "countdown",
        "before": "2026-12-09T14:00:00Z",
        "after": "2026-12-09T15:00:00Z",
        "why": ["send_window"],
    }
    (added,) = effect["changes"]["added"]["examples"]
    assert (added["before"], added["after"], added["why"]) == (
        None,
        "2026-12-07T15:00:00Z",
        ["countdown_days"],
    )


def test_a_gap_that_leaves_some_milestones_out_is_told(api: Api) -> None:
    policy = {"min_gap_hours": 60, "skus": {"A": {"countdown_days": [5, 4, 1]}}}
    assert put(api, **policy)["min_gap_hours"] == 60
    effect = api("PUT", "/v1/policy", json=policy | {"dry_run": True})
    assert [words.partition(" no room")[0] for words in effect["warnings"]] == [
        "min_gap_hours 60 leaves the countdown of 1 days",
        "for 'A' min_gap_hours 60 leaves the countdown of 4 days",
    ]


def test_of_very_many_orders_a_fair_share_is_looked_at(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "EXACT_UP_TO", 4)
    for number in range(10):
        api.register(order_id=str(number))
    effect = api("PUT", "/v1/policy", json={"countdown_days": [7], "dry_run": True})
    assert (effect["exact"], effect["orders"], effect["orders_looked_at"]) == (False, 10, 4)
    assert (effect["before"]["countdown"], effect["after"]["countdown"]) == (30, 10)
    assert "estimate: of 10 open orders 4 were looked at" in effect["summary"]
    looked_at = [it["order_id"] for it in effect["changes"]["cancelled"]["examples"]]
    assert looked_at == ["0", "3", "6", "9"]


def test_a_policy_that_would_send_very_much_is_held_for_a_second_yes(api: Api) -> None:
    for number in range(3):
        api.register(order_id=str(number))
    put(api, max_messages_per_change=2, countdown_days=[7])
    api.deliver()
    problem = api.problem(409, "PUT", "/v1/policy", json={"countdown_days": [7, 3]})
    assert problem["type"] == "/problems/needs-confirmation"
    assert problem["effect"]["sends"] == 3
    assert api("GET", "/v1/policy")["version"] == 2
    one = api.problem(409, "PUT", "/v1/policy/skus/ORN-RED", json={"countdown_days": [7, 5]})
    assert one["confirm"]["body"] == {
        "max_messages_per_change": 2,
        "countdown_days": [7],
        "skus": {"ORN-RED": {"countdown_days": [7, 5]}},
        "confirm": True,
    }
    again = problem["confirm"]
    assert again["path"] == "/v1/policy"
    assert again["body"] == {"countdown_days": [7, 3], "confirm": True}
    assert api(again["method"], again["path"], json=again["body"])["version"] == 3
