"""A second subject: who may try one, what it must keep, and when it is another trial."""

import pytest

from notifier.domain.message import Kind
from notifier.words.check import check_wording
from notifier.words.reading import read
from notifier.words.render import Wording
from tests.words.emails import TEMPLATES, the, values

OURS = TEMPLATES.source(Kind.COUNTDOWN)
OTHER = '{{ _("Still on schedule: order %(order)s, %(date)s", order=order.short, date=first.eta.short) }}'
FIRST = OURS[OURS.index("{% block subject %}") + 19 : OURS.index("{% endblock %}")]
SAMPLE = the("countdown", "one day to go")


def with_second(subject: str, source: str = OURS) -> str:
    return source.replace(
        "{% block preheader %}",
        f"{{% block subject_b %}}{subject}{{% endblock %}}\n{{% block preheader %}}",
        1,
    )


TRIED = Wording(with_second(OTHER))


def test_a_second_subject_can_be_published_with_a_countdown() -> None:
    assert check_wording(TEMPLATES, Kind.COUNTDOWN, TRIED) == []


def test_the_second_subject_is_the_header_s_and_the_title_s_and_the_rest_is_the_same() -> None:
    made = values(SAMPLE)
    first = TEMPLATES.render(Kind.COUNTDOWN, made, "en-US", TRIED)
    second = TEMPLATES.render(Kind.COUNTDOWN, made, "en-US", TRIED, second=True)
    assert first.subject == "Order 1042: 1 day to go, ships December 2, 2026"
    assert second.subject == "Still on schedule: order 1042, December 2, 2026"
    assert read(second.html).title == second.subject
    assert second.text == first.text
    assert second.html.replace(second.subject, first.subject) == first.html
    assert TEMPLATES.render(Kind.COUNTDOWN, made, "en-US", TRIED) == first


@pytest.mark.parametrize(
    ("subject", "rule", "reason"),
    [
        ("", "subject", "has 0 characters"),
        ("x" * 79, "subject", "has 79 characters"),
        (FIRST, "subject", "says the same as the first subject"),
        (f"Sale! {OTHER}", "promotion", "sells: 'Sale'"),
        ("Order {{ order.short }} comes in time", "dates", "does not say the date"),
        ("{{ order.nr }}", "renders", "has no attribute 'nr'"),
        ("{{ nobody() }}", "renders", "'nobody' is undefined"),
    ],
)
def test_a_second_subject_keeps_the_rules_of_the_first(subject: str, rule: str, reason: str) -> None:
    source = with_second(subject)
    line = source[: source.index("block subject_b")].count("\n") + 1
    found = check_wording(TEMPLATES, Kind.COUNTDOWN, Wording(source))
    assert (rule, line) in [(it.rule, it.line) for it in found if reason in it.reason], list(map(str, found))


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.COUNTDOWN])
def test_news_that_somebody_has_to_hear_is_no_place_for_trials(kind: Kind) -> None:
    source = with_second("{{ order.short }}", TEMPLATES.source(kind))
    reasons = [it.reason for it in check_wording(TEMPLATES, kind, Wording(source)) if it.rule == "subject"]
    assert any("only a countdown may try a second subject" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Wording(with_second(OTHER).replace("Goes well with it", "Goes with it")), True),
        (Wording(with_second(OTHER), {"de": {"Goes well with it": "Passt dazu"}}), True),
        (Wording(with_second(OTHER.replace("Still on", "On"))), False),
        (Wording(with_second(OTHER).replace("ships today, ", "ships today: ")), False),
        (Wording(with_second(OTHER), {"de": {"Still on schedule: order %(order)s, %(date)s": "%(date)s"}}), False),
    ],
)  # fmt: skip
def test_it_is_another_trial_when_a_word_of_either_subject_changes(other: Wording, same: bool) -> None:
    assert TRIED.experiment
    assert other.experiment
    assert (other.experiment == TRIED.experiment) is same


@pytest.mark.parametrize("source", [OURS, "{% block subject_b %}x{% endblock %}", "{% block"])
def test_one_subject_is_no_trial(source: str) -> None:
    assert Wording(source).experiment is None
