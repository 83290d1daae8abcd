"""Templates through the API: read, tried out, refused, published, used, and taken back."""

from pathlib import Path
from typing import Any

import pytest

from notifier.api.examples import NEW_TEMPLATE
from notifier.domain.message import Kind
from tests.api.client import Api, Json

DEFAULT = (Path(__file__).parents[2] / "templates" / "expectation.j2").read_text("utf-8")
WARM = DEFAULT.replace("Thank you for your order.", "Thank you so much for your order.")
DELAY = (Path(__file__).parents[2] / "templates" / "delay.j2").read_text("utf-8")

ITEMS = DELAY[: DELAY.index("put.items(lines)")].count("\n") + 1
"""The line that lists the items."""


def publish(api: Api, source: str = WARM, status: int = 200, kind: str = "expectation", **more: Any) -> Any:
    return api("PUT", f"/v1/templates/{kind}", status, json={"source": source} | more)


def words(api: Api, backorder_id: str, kind: str = "expectation") -> Json:
    message = api.message(backorder_id, kind)
    answer: Json = api("GET", f"/v1/messages/{message['id']}")
    return answer


def test_every_kind_has_a_template_with_its_variables(api: Api) -> None:
    listed = api("GET", "/v1/templates")
    assert [it["kind"] for it in listed["data"]] == [kind.value for kind in Kind]
    assert listed["next"] is None
    one = api("GET", "/v1/templates/expectation")
    assert one == next(it for it in listed["data"] if it["kind"] == "expectation")
    assert one["source"] == DEFAULT
    assert (one["version"], one["published_at"], one["untranslated"]) == (0, None, {})
    order = next(it for it in one["variables"] if it["name"] == "order.short")
    assert (order["type"], order["example"]) == ("text", "1042")


def test_what_is_published_is_what_customers_get_from_then_on(api: Api, other: Api) -> None:
    before = api.register()["id"]
    assert "Thank you for your order." in words(api, before)["text"]
    published = publish(api)
    assert (published["version"], published["published_by"]) == (1, "api")
    assert published["published_at"] == "2026-12-01T15:00:00Z"
    api.deliver()
    sent = words(api, before)
    assert sent["as_sent"]
    assert "Thank you so much for your order." in sent["text"]
    assert "Thank you so much for your order." in sent["html"]
    theirs = other.register()["id"]
    other.deliver()
    assert "Thank you for your order." in words(other, theirs)["text"]
    assert other("GET", "/v1/templates/expectation")["version"] == 0


def test_a_message_names_the_words_that_it_had(api: Api) -> None:
    versions = []
    for number, source in enumerate([None, WARM, WARM + "\n"]):
        if source:
            publish(api, source)
        backorder = api.register(order_id=f"104{number}", customer=a_customer(number))["id"]
        api.deliver()
        versions.append(api.message(backorder, "expectation")["template_version"])
    assert len(set(versions)) == 3


def a_customer(number: int) -> Json:
    return {"email": f"jane{number}@example.com", "timezone": "America/New_York", "country": "US"}


def test_what_is_live_already_makes_no_new_version(api: Api) -> None:
    assert publish(api)["version"] == 1
    assert publish(api)["version"] == 1
    assert [it["version"] for it in api("GET", "/v1/templates/expectation/versions")["data"]] == [1]


def test_versions_are_kept_and_any_can_be_published_again(api: Api) -> None:
    for number in range(3):
        publish(api, WARM + "\n" * number)
    path = "/v1/templates/expectation/versions"
    first = api("GET", path, params={"limit": 2})
    assert [it["version"] for it in first["data"]] == [3, 2]
    rest = api("GET", path, params={"limit": 2, "after": first["next"]})
    assert [(it["version"], it["source"]) for it in rest["data"]] == [(1, WARM)]
    assert rest["next"] is None
    assert publish(api, rest["data"][0]["source"])["version"] == 4
    back = api("DELETE", "/v1/templates/expectation")
    assert (back["version"], back["source"]) == (0, DEFAULT)
    newest = api("GET", path)["data"][0]
    assert (newest["version"], newest["source"]) == (5, None)
    assert api("DELETE", "/v1/templates/expectation")["version"] == 0
    assert publish(api)["version"] == 6
    api.problem(422, "GET", path, params={"after": "nonsense"})


def test_of_two_who_publish_the_second_is_told_of_the_first(api: Api) -> None:
    publish(api, base_version=0)
    problem = api.problem(
        409, "PUT", "/v1/templates/expectation", json={"source": DEFAULT + "\n", "base_version": 0}
    )
    assert "made from version 0, and 1 is live" in problem["detail"]
    assert publish(api, DEFAULT + "\n", base_version=1)["version"] == 2


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        (DELAY.replace("{{ parts.notices() }}", ""), 26, "lacks what the law asks for"),
        (DELAY.replace("put.items(lines)", "put.itmes(lines)"), ITEMS, "has no attribute 'itmes'"),
        (DELAY.replace("order.short", "order.nr"), 6, "has no attribute 'nr'"),
        ("words", 1, "lacks {% block subject %}"),
        ("{% if %}", 1, "Expected an expression"),
        (
            DELAY.replace("{{ put.items(lines) }}", "{{ ''.__class__ }}"),
            ITEMS,
            "access to attribute '__class__'",
        ),
    ],
)
def test_what_must_not_be_published_is_refused_with_file_line_and_reason(
    api: Api, source: str, line: int, said: str
) -> None:
    problem = api.problem(422, "PUT", "/v1/templates/delay", json={"source": source})
    assert problem["errors"][0]["pointer"] == "/source"
    assert any(
        error["detail"].startswith(f"delay.j2:{line}: ") and said in error["detail"]
        for error in problem["errors"]
    ), problem
    assert api("GET", "/v1/templates/delay")["version"] == 0
    previewed = api("POST", "/v1/templates/delay/preview", json={"source": source})
    assert any(said in it["reason"] and it["line"] == line for it in previewed["problems"])
    assert all(it["explanation"] for it in previewed["problems"])


def test_a_store_says_its_sentences_in_other_languages(api: Api) -> None:
    german = {"Thank you so much": "Tausend Dank"}
    sentence = (
        "Thank you so much for your order. This item is out of stock at the moment and will ship later."
    )
    said = ["Tausend Dank. Der Artikel kommt später.", "Tausend Dank. Die Artikel kommen später."]
    untold = publish(api)["untranslated"]
    assert sentence in untold["de"]
    assert german.keys().isdisjoint(untold["de"])
    published = publish(api, translations={"de": {sentence: said}})
    assert "de" not in published["untranslated"]
    assert published["translations"] == {"de": {sentence: said}}
    seen = api("POST", "/v1/templates/expectation/preview", json={"locale": "de-DE"})
    assert "Tausend Dank. Der Artikel kommt später." in seen["text"]
    french = api("POST", "/v1/templates/expectation/preview", json={"locale": "fr"})
    assert sentence in french["text"], "no translation falls back to English"


def test_translations_that_make_no_sense_are_refused(api: Api) -> None:
    cases = [
        ({"source": WARM, "translations": {"xx": {"a": "b"}}}, "/translations/xx"),
        ({"source": WARM, "translations": {"en": {"a": "b"}}}, "/translations/en"),
        ({"source": WARM, "translations": {"pl": {"a/b": ["b", "c"]}}}, "/translations/pl/a~1b"),
        ({"source": WARM, "translations": {"de": {"See your order": "%(nobody)s"}}}, "/source"),
        ({"source": ""}, "/source"),
        ({"source": "x" * 100_001}, "/source"),
        ({"sauce": WARM}, "/source"),
        ({"source": WARM, "base_version": -1}, "/base_version"),
    ]
    assert api.faults("PUT", "/v1/templates/expectation", cases) == []
    assert api.faults("GET", "/v1/templates/nothing", [(None, "/kind")]) == []


def test_a_draft_is_seen_with_a_sample_a_real_order_and_another_language(api: Api) -> None:
    order = api.register()["id"]
    path = "/v1/templates/expectation/preview"
    sample = api("POST", path, json={"source": WARM, "sample": "no date yet"})
    assert sample["problems"] == []
    assert "Opal reading lamp" in sample["text"]
    real = api("POST", path, json={"source": WARM, "backorder_id": order, "locale": "en-GB"})
    assert "Thank you so much" in real["text"]
    assert "Red glass ornament" in real["text"]
    assert "12 December 2026" in real["subject"]
    live = api("POST", path, json={"backorder_id": order})
    assert "Thank you for your order." in live["text"]
    assert live["problems"] == []


def test_a_preview_of_what_is_not_there_says_what_is(api: Api, other: Api) -> None:
    order = api.register()["id"]
    theirs = other.register()["id"]
    path = "/v1/templates/shipped/preview"
    problem = api.problem(422, "POST", path, json={"backorder_id": order})
    assert problem["errors"][0] == {
        "pointer": "/backorder_id",
        "detail": "nothing of order 1042 is shipped yet; name a sample instead",
    }
    problem = api.problem(422, "POST", path, json={"sample": "none"})
    assert "'none' is no sample of shipped; there are '" in problem["errors"][0]["detail"]
    for unknown in (theirs, "bo_none"):
        api.problem(404, "POST", path, json={"backorder_id": unknown})
    api.problem(422, "POST", path, json={"locale": "klingon"})
    api("POST", f"/v1/backorders/{order}/shipments", 201, json={"carrier": "UPS", "tracking_number": "1Z"})
    assert "1Z" in api("POST", path, json={"backorder_id": order})["text"]


def test_a_test_goes_to_somebody_of_the_store_in_the_draft_s_words(api: Api) -> None:
    path = "/v1/templates/expectation/test"
    sent = api("POST", path, json={"source": WARM, "to": "me@shop.example"})
    assert sent["accepted"]
    (file,) = (api.services.settings.outbox_dir).glob("**/*.eml")
    email = file.read_text("utf-8")
    assert "[Test]" in email
    assert "Thank you so much" in email
    problem = api.problem(422, "POST", path, json={"source": WARM, "to": "nobody"})
    assert problem["errors"][0]["pointer"] == "/to"
    broken = api("POST", path, json={"source": "{% if %}", "to": "me@shop.example"})
    assert not broken["accepted"]
    assert "expectation.j2:1" in broken["detail"]


def test_a_draft_waits_until_it_is_published_or_thrown_away(api: Api, other: Api) -> None:
    path = "/v1/templates/expectation/draft"
    api.problem(404, "GET", path)
    kept = api("PUT", path, json={"source": "{% not yet right"})
    assert (kept["source"], kept["base_version"]) == ("{% not yet right", 0)
    assert api("GET", path) == kept
    other.problem(404, "GET", path)
    assert api("PUT", path, json={"source": WARM})["source"] == WARM
    publish(api)
    api.problem(404, "GET", path)
    api("PUT", path, json={"source": WARM})
    assert api("DELETE", path)["base_version"] == 1
    api.problem(404, "DELETE", path)


def test_the_reference_s_example_can_be_published(api: Api) -> None:
    assert api("PUT", "/v1/templates/cancelled", json=NEW_TEMPLATE)["version"] == 1
