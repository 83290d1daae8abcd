"""What a story came to, as people read it: why each email went, and why others did not."""

import pytest

from notifier.config import Settings
from notifier.domain.message import Kind
from notifier.rehearsal import perform
from notifier.simulate.outcome import Outcome, Told
from stories import tell


def told(name: str) -> Outcome:
    return perform(*tell.load(name), Settings(_env_file=None))


def of(outcome: Outcome, event: str, kind: str | None = None) -> list[Told]:
    everything = [one for customer in outcome.customers for one in customer.told]
    return [one for one in everything if one.event == event and kind in (None, one.kind)]


def test_an_outcome_holds_what_json_prints_and_every_email_with_its_words() -> None:
    outcome = told("law-us-renewed-consent")
    printed = [line for line in outcome.timeline if line["event"] == "message"]
    emails = of(outcome, "message")
    assert [(line["kind"], line["subject"], line["to"]) for line in printed] == [
        (email.kind, email.subject, email.to) for email in emails
    ]
    for email in emails:
        assert email.html
        assert email.html.startswith("<!doctype html>")
        assert email.text
        assert "ornament" in email.text
        assert email.why
    assert len(of(outcome, "law")) == len(outcome.timeline) - len(printed)


@pytest.mark.parametrize(
    ("story", "kind", "words"),
    [
        ("dates-a-date-kept", "expectation", ["the order was registered"]),
        ("dates-a-date-kept", "countdown", ["14 days before 31 March 2026"]),
        (
            "dates-slip-corrected",
            "delay",
            ["was known for 31 March 2026, now it is 7 April 2026", "15 minutes"],
        ),
        ("clock-quiet-hours", "delay", ["silence agrees", "the customer's hours began, at 09:00"]),
        ("dates-unknown", "earlier", ["was known for no date, now it is 24 April 2026"]),
        ("law-us-auto-notice", "consent", ["went by itself", "stands only if the customer says yes"]),
        ("law-us-renewed-consent", "consent", ["was known for 20 April 2026", "renewed notice"]),
        ("dates-a-date-kept", "shipped", ["units shipped"]),
    ],
)
def test_an_email_says_why_it_went(story: str, kind: str, words: list[str]) -> None:
    why = of(told(story), "message", kind)[0].why
    assert [word for word in words if word not in why] == []


@pytest.mark.parametrize(
    ("story", "kind", "reason"),
    [
        ("dates-slip-undone", "delay", "the date moved back to what the customer knows"),
        ("customer-unsubscribed", "countdown", "the customer wants no countdown emails"),
        ("policy-changed-midway", "countdown", "the store's policy no longer asks for it"),
        ("customer-calls-it-spam", "delay", "suppressed: complained"),
        ("dates-a-date-kept", "consent", "it was for the case that nothing had shipped or been told by then"),
    ],
)
def test_an_email_that_was_not_sent_says_why_not(story: str, kind: str, reason: str) -> None:
    missing = of(told(story), "not_sent", kind)[0]
    assert reason in missing.why
    assert missing.due


def test_what_goes_after_the_story_ends_is_planned() -> None:
    scenario, events = tell.load("dates-a-date-kept")
    early = scenario.model_copy(update={"until": events[0].event.at})
    planned = of(perform(early, events[:1], Settings(_env_file=None)), "planned", Kind.COUNTDOWN)
    assert [one.due for one in planned] == sorted(one.due for one in planned if one.due)
    assert len(planned) == 4


def test_orders_of_one_customer_are_one_story_on_their_clock() -> None:
    outcome = told("customer-two-orders")
    assert [customer.orders for customer in outcome.customers] == [["1042", "1057"]]
    times = [one.at for one in outcome.customers[0].told]
    assert times == sorted(times)


def test_an_outcome_comes_back_from_json_as_it_was() -> None:
    outcome = told("all-every-event")
    assert Outcome.model_validate_json(outcome.model_dump_json()) == outcome
