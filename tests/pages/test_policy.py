"""The policy in the console: every field in words, what another would do, its versions, and SKUs of their own."""

import html
import re
from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response

from notifier import policies
from notifier.db.engine import reading
from notifier.db.tables import Store
from notifier.pages import policy_words
from notifier.policy_input import PolicyInput
from tests.pages.shop import Shop
from tests.pages.test_console import token

PATH = "/console/policy"


def stored(shop: Shop) -> tuple[dict[str, Any], int]:
    with reading(shop.services.engine) as session:
        store = session.get_one(Store, "store_fern")
        return policies.current(store).model_dump(mode="json"), store.policy_version


def ask(operator: TestClient, **fields: str) -> Response:
    """Fill in the form as a browser does, with these fields, and ask what it would do."""
    page = operator.get(PATH)
    entered = policy_words.shown(PolicyInput()) | fields
    return operator.post(f"{PATH}/preview", data=entered | {"token": token(page, f'action="{PATH}/preview')})


def agree(operator: TestClient, page: Response) -> Response:
    """The second yes, as the page offers it."""
    (form,) = re.findall(rf'<form method="post" action="{PATH}".*?</form>', page.text, re.DOTALL)
    hidden = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form))
    return operator.post(PATH, data={name: html.unescape(value) for name, value in hidden.items()})


def test_every_field_is_explained_with_its_unit_and_default(operator: TestClient) -> None:
    page = operator.get(PATH).text
    for name, field in PolicyInput.model_fields.items():
        assert field.title, f"give {name} a title in policy_input"
        assert field.description, f"say in policy_input what {name} does"
        assert html.escape(field.title) in html.unescape(page)
    assert "Gap between emails, hours" in page
    assert "Usually: 14, 7, 3, 1." in page


def test_the_policy_is_shown_what_it_would_do_before_it_is_set(shop: Shop, operator: TestClient) -> None:
    before = stored(shop)
    page = ask(operator, countdown_days="5 2", **{"send_window.start": "10:00", "sku.0": "LAMP-OPAL",
                                                  "sku.0.countdown_days": "none"})  # fmt: skip
    assert page.status_code == 200
    assert "planned emails become" in page.text
    assert "because of: countdown" in page.text
    assert stored(shop) == before
    assert agree(operator, page).headers["Location"] == f"{PATH}?done=true"
    policy, version = stored(shop)
    assert version == 2
    assert policy["countdown_days"] == [5, 2]
    assert policy["skus"] == {"LAMP-OPAL": {"countdown_days": []}}
    assert "by console" in operator.get(PATH).text
    shop.dispatch()
    assert "open orders followed" in operator.get(PATH).text


def test_a_sku_of_its_own_stays_when_the_form_is_sent_again(shop: Shop, operator: TestClient) -> None:
    agree(operator, ask(operator, **{"sku.2": 'A "B"/C', "sku.2.delay_threshold_days": "4"}))
    assert stored(shop)[0]["skus"] == {'A "B"/C': {"delay_threshold_days": 4}}
    with reading(shop.services.engine) as session:
        shown = policy_words.shown(policies.current(session.get_one(Store, "store_fern")))
    page = ask(operator, **shown)
    assert "Nothing: this is the policy as it is." in page.text


def test_what_makes_no_sense_is_said_beside_its_field_and_what_was_entered_stays(
    shop: Shop, operator: TestClient
) -> None:
    page = ask(operator, countdown_days="7, soon", min_gap_hours="-1", settle_minutes="1.5",
               **{"send_window.end": "08:00", "sku.0": "", "sku.0.countdown_days": "3"})  # fmt: skip
    assert page.status_code == 422
    text = html.unescape(page.text)
    for words in ("not 'soon'", "greater than or equal to 0, not -1", "not '1.5'", "never opens"):
        assert words in text
    assert 'value="7, soon"' in text
    assert stored(shop)[1] == 1
    twice = ask(operator, **{f"sku.{row}{name}": value for row in (0, 1)
                             for name, value in (("", "A"), (".countdown_days", "3"))})  # fmt: skip
    assert "stands twice; one row each" in html.unescape(twice.text)


def test_going_back_to_a_version_shows_what_that_does_first(shop: Shop, operator: TestClient) -> None:
    agree(operator, ask(operator, countdown_days=""))
    page = operator.get(f"{PATH}?version=1")
    assert "<del>none</del>" in page.text
    assert stored(shop)[1] == 2
    agree(operator, page)
    assert stored(shop)[1] == 3
    assert stored(shop)[0] == PolicyInput().model_dump(mode="json")
    assert operator.get(f"{PATH}?version=9").status_code == 404


def test_of_two_editors_the_second_is_told_and_keeps_what_was_entered(
    shop: Shop, operator: TestClient
) -> None:
    mine, theirs = ask(operator, min_gap_hours="30"), ask(operator, settle_minutes="40")
    agree(operator, theirs)
    answer = agree(operator, mine)
    assert answer.status_code == 409
    assert "Somebody changed the policy meanwhile." in answer.text
    assert 'name="min_gap_hours" value="30"' in answer.text
    assert stored(shop)[1] == 2


def test_a_form_from_elsewhere_changes_nothing(shop: Shop, operator: TestClient) -> None:
    page = ask(operator, min_gap_hours="30")
    good = token(page, f'action="{PATH}"')
    for sent in ({"token": "x", "document": "{}"}, {"token": good, "document": '{"min_gap_hours": 31}'}):
        assert operator.post(PATH, data=sent | {"version": "1"}).status_code == 403
    assert operator.post(f"{PATH}/preview", data={"token": good}).status_code == 403
    assert stored(shop)[1] == 1


def test_versions_of_another_store_are_not_shown(shop: Shop, operator: TestClient) -> None:
    with shop.writing() as session:
        policies.change(session, "store_else", PolicyInput(settle_minutes=77), "console", shop.now)
    assert operator.get(f"{PATH}?version=2").status_code == 404
    page = operator.get(PATH).text
    assert "Version 1" in page
    assert "Version 2" not in page
