"""`notifier templates …`: a store's words in a folder, as it would keep them in git."""

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import Run

OURS = Path(__file__).parents[2] / "templates"
SENTENCE = "If you are happy to wait, there is nothing you need to do."


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    monkeypatch.setenv("NOTIFIER_OUTBOX_DIR", str(tmp_path / "outbox"))
    return Run(monkeypatch, capsys)


@pytest.fixture
def store(run: Run) -> str:
    made: dict[str, str] = json.loads(run("store", "create", "--name", "Hollow & Pine", "--json")[1])
    return made["store_id"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store that says a delay, and one sentence of it in German, in its own words."""
    words = tmp_path / "emails"
    words.mkdir()
    source = (OURS / "delay.j2").read_text("utf-8").replace("We are sorry: this", "We are very sorry: this")
    (words / "delay.j2").write_text(source, "utf-8")
    (words / "delay.de.po").write_text(
        f'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "{SENTENCE}"\n'
        'msgstr "Möchten Sie warten, ist nichts zu tun."\n',
        "utf-8",
    )
    return words


def test_a_folder_is_checked_published_and_comes_back_as_it_was(
    run: Run, store: str, folder: Path, tmp_path: Path
) -> None:
    assert run("templates", "check", str(folder))[0] == 0
    assert run("templates", "push", str(folder), "--store", store) == (0, "delay: version 1\n", "")
    assert (
        run("templates", "push", str(folder), "--store", store)[1] == "Nothing differs from what is live.\n"
    )
    assert run("templates", "diff", str(folder), "--store", store)[0] == 0
    back = tmp_path / "back"
    assert run("templates", "pull", str(back), "--store", store)[0] == 0
    assert sorted(path.name for path in back.iterdir()) == ["delay.de.po", "delay.j2"]
    assert (back / "delay.j2").read_bytes() == (folder / "delay.j2").read_bytes()
    assert "Möchten Sie warten, ist nichts zu tun." in (back / "delay.de.po").read_text("utf-8")
    assert run("templates", "diff", str(back), "--store", store)[0] == 0
    before = (back / "delay.de.po").read_bytes()
    run("templates", "pull", str(back), "--store", store)
    assert (back / "delay.de.po").read_bytes() == before


def test_what_differs_is_shown_line_by_line(run: Run, store: str, folder: Path) -> None:
    code, out, _ = run("templates", "diff", str(folder), "--store", store)
    assert code == 1
    assert f"+++ {folder / 'delay.j2'}" in out
    run("templates", "push", str(folder), "--store", store)
    path = folder / "delay.j2"
    path.write_text(path.read_text("utf-8").replace("very sorry", "truly sorry"), "utf-8")
    code, out, _ = run("templates", "diff", str(folder), "--store", store)
    changed = [line for line in out.splitlines() if line.startswith(("+", "-")) and line[1:2] not in "+-"]
    assert [line[0] for line in changed] == ["-", "+"]
    assert "very sorry" in changed[0]
    assert "truly sorry" in changed[1]


def test_a_file_that_is_gone_goes_back_to_the_default(run: Run, store: str, folder: Path) -> None:
    run("templates", "push", str(folder), "--store", store)
    for path in folder.iterdir():
        path.unlink()
    assert run("templates", "push", str(folder), "--store", store)[1] == "delay: version 2, the default\n"
    run("templates", "pull", str(folder), "--store", store)
    assert list(folder.iterdir()) == []


def test_one_fault_publishes_nothing_and_is_named_with_file_and_line(
    run: Run, store: str, folder: Path
) -> None:
    source = (OURS / "shipped.j2").read_text("utf-8")
    (folder / "shipped.j2").write_text(source.replace("parcel.carrier", "parcel.carier"), "utf-8")
    line = source[: source.index("parcel.carrier")].count("\n") + 1
    for command in (["check", str(folder)], ["push", str(folder), "--store", store]):
        code, _, err = run("templates", *command)
        assert code == 1
        assert err.startswith(f"{folder / 'shipped.j2'}:{line}: ")
        assert "no attribute 'carier'" in err
    assert "delay.j2" in run("templates", "diff", str(folder), "--store", store)[1], "nothing is live"


def test_an_email_is_printed_as_its_customer_gets_it(run: Run, folder: Path) -> None:
    code, out, _ = run("templates", "render", "delay", "--folder", str(folder), "--locale", "de-DE")
    assert code == 0
    assert "Möchten Sie warten, ist nichts zu tun." in out
    html = run("templates", "render", "shipped", "--html", "--sample", "a part, the rest follows")[1]
    assert html.startswith("<!doctype html>")
    (folder / "delay.j2").write_text("{% if %}", "utf-8")
    code, _, err = run("templates", "render", "delay", "--folder", str(folder))
    assert code == 1
    assert err.startswith(f"{folder / 'delay.j2'}:1: ")


def test_what_can_not_be_read_is_told_in_one_line(run: Run, store: str, folder: Path) -> None:
    def said(*command: str) -> tuple[int, str]:
        code, _, err = run("templates", *command)
        assert err.count("\n") == 1
        return code, err

    code, err = said("check", str(folder / "nowhere"))
    assert (code, "is no folder" in err) == (2, True)
    code, err = said("diff", str(folder), "--store", "store_none")
    assert (code, "there is no store 'store_none'" in err) == (1, True)
    code, err = said("render", "delay", "--sample", "none")
    assert (code, "'none' is no sample of delay; there are" in err) == (1, True)
    code, err = said("render", "newsletter")
    assert (code, "newsletter" in err) == (2, True)
    (folder / "delay.xx.po").write_text('msgid "a"\nmsgstr "b"\n', "utf-8")
    code, err = said("check", str(folder))
    assert (code, "'xx' is no language of translations" in err) == (1, True)
    (folder / "delay.xx.po").unlink()
    (folder / "delay.de.po").write_text('msgid "a"\nnonsense\n', "utf-8")
    code, err = said("check", str(folder))
    assert (code, "delay.de.po" in err) == (2, True)
    (folder / "newsletter.j2").write_text("words", "utf-8")
    (folder / "delay.de.po").unlink()
    code, err = said("check", str(folder))
    assert (code, "no email is called 'newsletter'" in err) == (2, True)
    (folder / "newsletter.j2").unlink()
    (folder / "shipped.fr.po").write_text("", "utf-8")
    code, err = said("check", str(folder))
    assert (code, "there is no shipped.j2 beside it" in err) == (2, True)
