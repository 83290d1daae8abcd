"""Any shop's colour, readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.words.colour import CARD, CARD_DARK, DEFAULT, contrast, theme

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_black_on_white_is_21_to_1() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)


@given(colours)
def test_a_button_can_be_read_in_any_colour(colour: str) -> None:
    made = theme(colour)
    assert contrast(made.accent, made.on_accent) >= 4.5
    assert contrast(made.accent_dark, made.on_accent_dark) >= 4.5
    assert contrast(made.accent_dark, CARD_DARK) >= 3
    assert contrast(made.accent, CARD) >= 1.5


def test_the_default_theme_is_read_with_ease() -> None:
    assert theme(None) == DEFAULT
    assert contrast(DEFAULT.accent, DEFAULT.on_accent) >= 7
    assert contrast(DEFAULT.accent_dark, DEFAULT.on_accent_dark) >= 7


def test_a_strong_colour_stays_as_the_shop_chose_it() -> None:
    assert theme("#0a7f3f").accent == "#0a7f3f"


@pytest.mark.parametrize("wrong", ["red", "#12", "#12345g", "", "url(x)", "#fff;x"])
def test_what_is_no_colour_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="hex colour"):
        theme(wrong)
