"""Simulate, in the console: stories that are picked, pasted and built by clicking, and nothing of the store touched."""

import html
import json
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from notifier.apart import Child, Plays
from notifier.db import simulations
from notifier.db.engine import reading
from notifier.db.tables import Store
from notifier.errors import Unavailable
from notifier.rehearsal import perform, reply
from notifier.simulate import ScenarioError
from notifier.simulate.library import stories
from notifier.simulate.story import check_scenario
from tests.pages.shop import OTHER_KEY, Shop
from tests.pages.test_console import token
from tests.pages.test_order_page import everything

PATH = "/console/simulate"


@pytest.fixture(autouse=True)
def at_hand(shop: Shop) -> None:
    """Stories are played in this process, which spares each test the start of another; those that need one have it."""
    shop.services.plays.ask = reply


KEPT = "dates-a-date-kept"


def play(operator: TestClient, story: Any, *, own: bool = False) -> Response:
    text = story if isinstance(story, str) else json.dumps(story)
    hidden = token(operator.get(PATH), "The story, as JSON")
    data = {"token": hidden, "story": text} | ({"own": "yes"} if own else {})
    return operator.post(f"{PATH}/play", data=data)


def played(operator: TestClient, story: Any, *, own: bool = False) -> str:
    """The address of the page that a play leads to."""
    answer = play(operator, story, own=own)
    assert answer.status_code == 303, words(answer)
    return answer.headers["Location"]


def words(page: Response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def problem(page: Response) -> str:
    assert page.status_code == 422
    found = re.search(r'role="alert">(.*?)</(?:p|div)>', page.text, re.DOTALL)
    assert found
    return html.unescape(re.sub(r"<[^>]+>", " ", found[1])).strip()


def ordered(**changes: str) -> dict[str, str]:
    return {
        "do": "register", "at": "2026-03-01T10:00", "order_id": "1001", "email": "jane@example.com", "name": "Jane Doe",
        "sku1": "LAMP", "name1": "Oak lamp", "quantity1": "2", "unit_price1": "24.00", "currency": "USD",
        "eta1": "2026-03-31",
    } | changes  # fmt: skip


def begun(operator: TestClient, **changes: str) -> Response:
    hidden = token(operator.get(PATH), "Register")
    return operator.post(f"{PATH}/begin", data=ordered(**changes) | {"token": hidden})


def add(operator: TestClient, path: str, do: str, **fields: str) -> Response:
    hidden = token(operator.get(path), f'value="{do}"')
    return operator.post(f"{path}/events", data={"token": hidden, "do": do} | fields)


# --- picked and pasted -----------------------------------------------------------------------------------


def test_every_story_of_the_shelf_is_there_to_be_picked(operator: TestClient) -> None:
    page = operator.get(PATH)
    for story in stories().values():
        assert html.escape(story.title, quote=True).replace("&#x27;", "&#39;") in page.text
    picked = operator.get(PATH, params={"story": KEPT})
    assert "A date that is kept" in picked.text
    assert "&#34;do&#34;: &#34;register&#34;" in picked.text
    assert operator.get(PATH, params={"story": "../README"}).status_code == 404


def test_a_story_is_shown_as_a_calendar_with_every_email_and_why(shop: Shop, operator: TestClient) -> None:
    before = everything(shop)
    path = played(operator, stories()[KEPT].text)
    page = operator.get(path)
    said = words(page)
    assert "Jane Doe gets 7 emails" in said
    assert "March 2026" in said
    assert "Why: 14 days before 31 March 2026" in said
    assert (
        "Why not: it was for the case that nothing had shipped or been told by then; everything has shipped"
        in said
    )
    email = operator.get(f"{path}/emails/3")
    assert "14 days to go" in email.text
    assert email.headers["Content-Security-Policy"].startswith("sandbox;")
    assert 'sandbox loading="lazy"' in page.text
    assert operator.get(f"{path}/emails/8").status_code == 404
    after = everything(shop)
    assert after.pop("simulation") != before.pop("simulation")
    assert after == before


def test_law_is_told_with_its_dates(operator: TestClient) -> None:
    said = words(operator.get(played(operator, stories()["law-us-renewed-consent"].text)))
    assert "late again, and an answer is needed; answer by 20 April 2026" in said
    assert "Wed 20 May 2026" in said


def test_the_stores_own_policy_zone_and_look_are_used_where_they_are_wanted(
    shop: Shop, operator: TestClient
) -> None:
    with shop.writing() as session:
        store = session.get_one(Store, "store_fern")
        store.policy = {"countdown_days": [2]}
        session.add(store)
    story = json.loads(stories()[KEPT].text) | {"policy": {"countdown_days": [5]}}
    own, others = (operator.get(played(operator, story, own=own)) for own in (True, False))
    assert "By your store’s policy" in own.text
    assert "2 days before 31 March 2026" in own.text
    assert "By the story’s own policy" in others.text
    assert "5 days before 31 March 2026" in others.text
    assert "12 Mill Lane, Burlington" in operator.get(f"{played(operator, story, own=True)}/emails/1").text


def test_links_in_played_emails_open_nothing(shop: Shop, operator: TestClient) -> None:
    email = operator.get(f"{played(operator, stories()[KEPT].text)}/emails/1").text
    links = {
        link.removeprefix(shop.services.links.public_url)
        for link in re.findall(r'href="([^"]*/o/[^"?]+)', email)
    }
    assert links
    assert {operator.get(link).status_code for link in links} == {404}


@pytest.mark.parametrize(
    ("story", "wrong"),
    [
        ("", "is not JSON"),
        ("{", "line 1, column 2 is not JSON"),
        ("[]", "Input should be an object"),
        ({"events": [], "stroe": {}}, "/stroe: there is no such field"),
        (
            {"events": [{"at": "2026-03-01T10:00:00Z", "do": "dance"}]},
            "event 1: /do: 'dance' is no kind of event",
        ),
        ({"events": [{"do": "ship"}]}, "event 1: /at: is required"),
        (
            {"events": [{"at": "2026-03-01T10:00:00Z", "do": "ship", "order_id": "7"}]},
            "event 1: no order '7'",
        ),
        ({"events": [], "until": "9999-01-01T00:00:00Z"}, "/until: 9999-01-01"),
    ],
)
def test_a_story_that_can_not_be_played_is_kept_in_the_field_with_what_is_wrong(
    operator: TestClient, story: Any, wrong: str
) -> None:
    page = play(operator, story)
    assert wrong in problem(page)
    text = story if isinstance(story, str) else json.dumps(story)
    assert html.escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;") in page.text


def test_the_event_that_is_to_blame_is_shown_as_it_is_written(operator: TestClient) -> None:
    story = json.loads(stories()["dates-unknown"].text)
    story["events"][2]["sku"] = "NO-SUCH"
    page = play(operator, story)
    assert "event 3: order '1042' has no line 'NO-SUCH'" in problem(page)
    assert "Event 3 is written so:" in page.text
    assert "&#34;NO-SUCH&#34;" in page.text


def test_a_story_of_ten_thousand_events_is_refused_before_it_is_played(operator: TestClient) -> None:
    event = {"at": "2026-03-01T10:00:00Z", "do": "unsubscribe", "order_id": "1"}
    assert "2,000 events at most, not 10,000" in problem(play(operator, {"events": [event] * 10_000}))


def test_a_text_larger_than_a_story_may_be_is_refused_on_a_page(operator: TestClient) -> None:
    page = play(operator, " " * 5_000_001)
    assert page.status_code in {400, 413}
    assert page.headers["Content-Type"].startswith("text/html")
    assert "5,000,000 bytes" in words(page) or "maximum size" in words(page)


# --- built by clicking -----------------------------------------------------------------------------------


def test_a_story_is_built_by_clicking(shop: Shop, operator: TestClient) -> None:
    path = begun(operator).headers["Location"]
    for do, fields in [
        ("eta", {"at": "2026-03-10T11:00", "order_id": "1001", "sku": "LAMP", "eta": "2026-04-10", "reason": "strike"}),
        ("inbound", {"at": "2026-03-10T12:00", "reference": "P-1", "sku": "LAMP", "quantity": "9"}),
        ("inbound_move", {"at": "2026-03-10T13:00", "reference": "P-1", "stage": "customs"}),
        ("answer", {"at": "2026-03-11T09:00", "order_id": "1001", "answer": "keep"}),
        ("sku_eta", {"at": "2026-03-20T11:00", "sku": "LAMP", "eta": "", "reason": "lost at sea"}),
        ("restock", {"at": "2026-03-21T11:00", "sku": "LAMP", "quantity": "1", "rule": "fair"}),
        ("ship", {"at": "2026-03-22T11:00", "order_id": "1001", "sku": "LAMP", "quantity": "1", "carrier": "UPS"}),
        ("bounce", {"at": "2026-03-23T11:00", "order_id": "1001", "kind": "consent"}),
        ("unsubscribe", {"at": "2026-03-24T11:00", "order_id": "1001"}),
        ("cancel", {"at": "2026-03-25T11:00", "order_id": "1001", "by": "customer", "reason": "too late"}),
        ("refund", {"at": "2026-03-26T11:00", "order_id": "1001", "amount": "24.00", "currency": "USD"}),
        ("complain", {"at": "2026-03-27T11:00", "order_id": "1001", "kind": "cancelled"}),
    ]:  # fmt: skip
        answer = add(operator, path, do, **fields)
        assert (do, answer.status_code) == (do, 303), problem(answer)
        path = answer.headers["Location"]
    said = words(operator.get(path))
    assert "1. jane@example.com places order 1001: 2 × LAMP for 2026-03-31" in said
    assert "7. 1 × LAMP arrive, shared fair" in said
    assert "3. shipment P-1 is on its way with 9 × LAMP, expected no date" in said
    assert "4. shipment P-1 is customs" in said
    assert "In law: LAMP Refunded refunded" in said
    story = json.loads(operator.get(f"{path}/story.json").text)
    assert story["events"][0]["at"] == "2026-03-01T10:00:00-05:00"
    assert shop.services.plays.play(_store(shop), story).timeline


def _store(shop: Shop) -> Store:
    with reading(shop.services.engine) as session:
        return session.get_one(Store, "store_fern")


def test_an_event_takes_its_place_in_time_and_can_be_removed_again(operator: TestClient) -> None:
    path = begun(operator).headers["Location"]
    path = add(operator, path, "ship", at="2026-03-30T11:00", order_id="1001").headers["Location"]
    path = add(
        operator, path, "eta", at="2026-03-10T11:00", order_id="1001", sku="LAMP", eta="2026-04-10"
    ).headers["Location"]
    assert [event["do"] for event in operator.get(f"{path}/story.json").json()["events"]] == [
        "register",
        "eta",
        "ship",
    ]
    hidden = token(operator.get(path), "Remove event 2")
    path = operator.post(f"{path}/events/2/remove", data={"token": hidden}).headers["Location"]
    assert [event["do"] for event in operator.get(f"{path}/story.json").json()["events"]] == [
        "register",
        "ship",
    ]
    page = operator.post(f"{path}/events/1/remove", data={"token": hidden})
    assert "Without event 1 the story can’t be told: event 1: no order '1001'" in problem(page)
    assert re.search(r'<li class="bad">\s*<span>1\. ', page.text)


@pytest.mark.parametrize(
    ("do", "fields", "wrong"),
    [
        ("eta", {"at": "", "order_id": "1001", "sku": "LAMP"}, "at: '' is no date and time"),
        (
            "eta",
            {"at": "2026-03-10T11:00", "order_id": "1001", "sku": "LAMP", "eta": "2026-02-30"},
            "eta: 2026-02-30",
        ),
        (
            "eta",
            {"at": "2026-03-10T11:00", "order_id": "1001", "sku": "MOON", "eta": "2026-04-30"},
            "no line 'MOON'",
        ),
        (
            "ship",
            {"at": "2026-03-10T11:00", "order_id": "1001", "sku": "LAMP", "quantity": "3"},
            "2 of 2 units left",
        ),
        (
            "ship",
            {"at": "2026-03-10T11:00", "order_id": "1001", "sku": "LAMP", "quantity": "x"},
            "lines 0 quantity:",
        ),
        ("ship", {"at": "2026-02-10T11:00", "order_id": "1001"}, "no order '1001' is registered by then"),
        ("answer", {"at": "2026-03-10T11:00", "order_id": "1001", "answer": "keep"}, "nothing was asked"),
        (
            "refund",
            {"at": "2026-03-10T11:00", "order_id": "1001", "amount": "9.50", "currency": "EUR"},
            "the order is in USD",
        ),
        ("register", ordered(at="2026-03-10T11:00"), "order '1001' is registered already"),
        ("register", ordered(at="2026-03-10T11:00", order_id="1002", email="jane"), "customer email:"),
        ("dance", {"at": "2026-03-10T11:00"}, "'dance' is no kind of event"),
    ],
)
def test_an_event_that_can_not_happen_says_so_at_its_form_and_leaves_the_story_as_it_was(
    operator: TestClient, do: str, fields: dict[str, str], wrong: str
) -> None:
    path = begun(operator).headers["Location"]
    hidden = token(operator.get(path), 'value="ship"')
    page = operator.post(f"{path}/events", data=fields | {"token": hidden, "do": do})
    if do == "dance":
        assert page.status_code == 422
        return
    assert wrong in problem(page)
    form = page.text[page.text.index('role="alert"') :]
    assert f'name="do" value="{do}"' in form[: form.index("</form>")]
    assert "Jane Doe gets" in words(operator.get(path))


def test_an_event_that_makes_a_later_one_impossible_says_which(operator: TestClient) -> None:
    path = begun(operator).headers["Location"]
    path = add(operator, path, "ship", at="2026-03-20T11:00", order_id="1001").headers["Location"]
    page = add(operator, path, "cancel", at="2026-03-10T11:00", order_id="1001", by="store")
    assert problem(page).startswith("After this, event 3 can’t have happened: ")


def test_a_first_order_that_can_not_be_says_so_and_keeps_what_was_entered(operator: TestClient) -> None:
    page = begun(operator, eta1="2026-03-31", eta_earliest1="2026-04-02", name1="Brass lamp")
    assert "eta_earliest: 2026-04-02 lies after eta 2026-03-31" in problem(page)
    assert 'value="Brass lamp"' in page.text


# --- who may, and how much -------------------------------------------------------------------------------


def test_a_story_belongs_to_its_store(shop: Shop, operator: TestClient) -> None:
    path = played(operator, stories()[KEPT].text)
    operator.cookies.clear()
    assert operator.post("/console/login", data={"api_key": OTHER_KEY}).status_code == 303
    for address in (path, f"{path}/story.json", f"{path}/emails/1"):
        assert operator.get(address).status_code == 404
    hidden = token(operator.get(PATH), "Register")
    assert operator.post(f"{path}/events", data={"token": hidden, "do": "ship"}).status_code == 404


def test_only_the_pages_own_forms_play(operator: TestClient) -> None:
    path = played(operator, stories()[KEPT].text)
    for address in (f"{PATH}/play", f"{PATH}/begin", f"{path}/events", f"{path}/events/1/remove"):
        assert operator.post(address, data={"token": "x", "do": "ship", "story": "{}"}).status_code == 403


def test_the_last_stories_are_kept_and_no_more(shop: Shop, operator: TestClient) -> None:
    with shop.writing() as session:
        ids = [
            simulations.keep(session, "store_fern", f"Story {n}", "{}", "{}", shop.now)
            for n in range(simulations.KEPT + 2)
        ]
        simulations.keep(session, "store_else", "Another's", "{}", "{}", shop.now)
    with reading(shop.services.engine) as session:
        kept = [play_id for play_id, _, _ in simulations.last(session, "store_fern", 100)]
        assert kept == ids[:1:-1]
        assert len(simulations.last(session, "store_else", 100)) == 1
    assert "Story 21" in operator.get(PATH).text


def test_a_play_of_its_own_process_comes_out_as_one_in_this(shop: Shop) -> None:
    apart, here = Plays(shop.services.settings, shop.services.post.wording), shop.services.plays
    story = json.loads(stories()[KEPT].text)
    assert apart.play(_store(shop), story).timeline == here.play(_store(shop), story).timeline
    with pytest.raises(ScenarioError) as refused:
        apart.play(_store(shop), {"events": [{"at": "2026-03-01T10:00:00Z", "do": "ship", "order_id": "7"}]})
    assert (refused.value.event, refused.value.detail) == (1, "event 1: no order '7' is registered by then")


def test_a_story_that_takes_too_long_is_ended(shop: Shop) -> None:
    plays = Plays(shop.services.settings, shop.services.post.wording, Child(seconds=1))
    line = {"sku": "A", "name": "A", "quantity": 1, "eta": "2026-03-31"}
    orders = [
        {
            "at": "2026-03-01T10:00:00Z",
            "do": "register",
            "backorder": {"order_id": str(number), "customer": {"email": "j@example.com"}, "lines": [line]},
        }
        for number in range(1000)
    ]
    for _ in range(2):  # the second time too: its turn was given back
        with pytest.raises(ScenarioError, match="more than 1 seconds"):
            plays.play(_store(shop), {"events": orders})


def test_a_child_without_memory_is_no_end_of_ours(shop: Shop) -> None:
    plays = Plays(shop.services.settings, shop.services.post.wording, Child(memory_bytes=1_000_000))
    with pytest.raises((ScenarioError, Unavailable)):
        plays.play(_store(shop), {"events": []})


def test_a_story_of_too_many_emails_is_refused(shop: Shop) -> None:
    scenario, events = check_scenario(json.loads(stories()[KEPT].text))
    with pytest.raises(ScenarioError, match="more than 3 emails"):
        perform(scenario, events, shop.services.settings, most_emails=3)


def test_a_store_plays_one_story_at_a_time_and_another_store_meanwhile(
    shop: Shop, operator: TestClient
) -> None:
    plays = shop.services.plays
    with plays.turn("store_fern"):  # as if one were being played
        busy = play(operator, stories()[KEPT].text)
        assert busy.status_code == 429
        assert "another story of this store is being played" in words(busy)
        operator.cookies.clear()
        operator.post("/console/login", data={"api_key": OTHER_KEY})
        assert played(operator, stories()[KEPT].text)
