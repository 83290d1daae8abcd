"""Templates as programs: what they may do, and what is said of one that fails."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from notifier.domain.message import Kind, Said
from notifier.errors import Misconfigured
from notifier.words.check import check
from notifier.words.context import Shop, variables
from notifier.words.reading import read
from notifier.words.render import BLOCKS, Rendered, TemplateFault, Templates, Wording
from notifier.words.samples import JANE, LINKS, NOW, ORNAMENT, SHOP, order
from tests.words.emails import FOLDER, TEMPLATES, the, values, write

DELAY = the("delay", "up to 30 days late, US law")


def draft(content: str, subject: str = "New ship date") -> str:
    return (
        '{% extends "_layout.j2" %}\n'
        "{% block subject %}" + subject + "{% endblock %}\n"
        "{% block preheader %}words{% endblock %}\n"
        "{% block headline %}words{% endblock %}\n"
        "{% block content %}" + content + "{% endblock %}\n"
    )


def preview(source: str) -> Rendered:
    return TEMPLATES.render(Kind.DELAY, values(DELAY), "en-US", Wording(source))


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("{{ nobody }}", 5, "'nobody' is undefined"),
        ("\n\n{{ order.nothing }}", 7, "has no attribute 'nothing'"),
        ("{% if %}", 5, "Expected an expression"),
        ("\n{{ put.paragraph(order.nothing) }}", 6, "has no attribute 'nothing'"),
        ("{{ order.id / 0 }}", 5, "unsupported operand"),
        ("{{ 1 / 0 }}", 5, "division by zero"),
        ("{% include 'elsewhere.j2' %}", 5, "elsewhere.j2"),
    ],
)
def test_a_template_with_an_error_is_named_with_its_line(content: str, line: int, reason: str) -> None:
    with pytest.raises(TemplateFault) as failed:
        preview(draft(content))
    assert (failed.value.file, failed.value.line) == ("delay.j2", line)
    assert reason in failed.value.reason


@pytest.mark.parametrize(
    "content",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ order.id.upper() }}",
        "{{ put.paragraph.__globals__ }}",
        "{{ 'x' * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{% for a in range(100000) %}{{ shop.name }} is a shop{% endfor %}",
        "{{ lines.append(1) }}",
        "{{ gettext.__globals__ }}",
        "{% include '../pyproject.toml' %}",
        "{{ self.__init__.__globals__ }}",
    ],
)
def test_a_template_can_neither_reach_out_nor_run_away(content: str) -> None:
    with pytest.raises(TemplateFault):
        preview(draft(content))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_template_without_one_of_its_blocks_is_told_which(block: str) -> None:
    with pytest.raises(TemplateFault, match=rf"delay\.j2:1: lacks {{% block {block} %}}"):
        preview(draft("words").replace(f"block {block} ", "block other "))


def test_a_subject_is_one_line() -> None:
    assert preview(draft("words", subject="New\r\nBcc: eve@example.com\n ship date")).subject == (
        "New Bcc: eve@example.com ship date"
    )


HOSTILE = "<script>alert('x')</script> \"quoted\" & {{ order.id }} ‏عربي 🎄"


def test_what_strangers_write_is_shown_and_never_run() -> None:
    line = replace(ORNAMENT, name=HOSTILE, sku=HOSTILE, eta_reason=HOSTILE, highlights=(HOSTILE,))
    facts = replace(order(line, customer=replace(JANE, name=HOSTILE)), order_id=HOSTILE)
    shop = replace(SHOP, name=HOSTILE, address=HOSTILE)
    for kind in (Kind.DELAY, Kind.EXPECTATION, Kind.COUNTDOWN):
        made = variables(facts, kind, {"l1": Said(line.eta)}, "", shop, LINKS, NOW, "us-ftc")
        rendered = TEMPLATES.render(kind, made, "en-US")
        assert "<script>alert" not in rendered.html
        assert rendered.html.count("<script") == rendered.html.count("</script>") == 1
        shown = "<script>alert('x')</script> \"quoted\" & {{ order.id }}"
        assert shown in read(rendered.html).words
        assert shown in rendered.text
        assert "🎄" in rendered.text


def test_control_characters_and_line_breaks_in_names_are_spaces() -> None:
    facts = order(replace(ORNAMENT, name="Red\x00 glass\r\nornament\u2028"))
    made = variables(facts, Kind.DELAY, DELAY.says, "", SHOP, LINKS, NOW, "us-ftc")
    assert made["lines"][0]["name"] == "Red glass ornament"


def test_the_version_changes_with_the_words_and_only_with_them(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(FOLDER, tmp_path / "templates"))
    same = Templates(copy).render(Kind.DELAY, values(DELAY), "en-US")
    assert same == write(DELAY)
    (copy / "_parts.j2").write_text((copy / "_parts.j2").read_text("utf-8") + "\n", "utf-8")
    assert (
        Templates(copy).render(Kind.DELAY, values(DELAY), "en-US").template_version != same.template_version
    )
    assert preview(draft("words")).template_version != same.template_version


def test_a_template_that_is_missing_is_named(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(FOLDER, tmp_path / "templates"))
    (copy / "delay.j2").unlink()
    with pytest.raises(Misconfigured, match=r"delay\.j2"):
        Templates(copy)


def test_a_folder_with_one_bad_template_has_one_fault(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(FOLDER, tmp_path / "templates"))
    path = copy / "earlier.j2"
    path.write_text(path.read_text("utf-8").replace("{{ parts.dates", "{{ parts.datse"), "utf-8")
    faults = check(Templates(copy))
    assert len(faults) == 1
    assert faults[0].file == "earlier.j2"
    assert "datse" in faults[0].reason


def test_a_logo_has_the_shop_s_name_where_images_are_off() -> None:
    html = write(DELAY, shop=replace(SHOP, logo_url="https://img.fernandoak.example/logo.png")).html
    assert '<img src="https://img.fernandoak.example/logo.png" width="120" alt="Fern &amp; Oak"' in html


def test_a_shop_without_address_or_mailbox_or_name_of_the_customer_still_writes_well() -> None:
    facts = order(ORNAMENT, customer=replace(JANE, name=""))
    made = variables(facts, Kind.DELAY, DELAY.says, "", Shop(name="Fern & Oak"), LINKS, NOW, "us-ftc")
    text = TEMPLATES.render(Kind.DELAY, made, "en-US").text
    assert "Hello" not in text
    assert "None" not in text
    assert text.endswith("\nFern & Oak\n")
