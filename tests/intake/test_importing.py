"""Backorders from CSV: what is read, what is refused and why, and that nothing accepted is lost."""

import csv
import io
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Engine

from notifier.db.engine import make_engine, transaction
from notifier.db.stores import create_store
from notifier.errors import Invalid, NotFound
from notifier.importing import COLUMNS, Entry, Refusal, load, open_lines, read, run

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
DATA = Path(__file__).parents[2] / "data" / "backorders.csv"
GOOD = {column.name: column.example for column in COLUMNS}


def a_file(*rows: dict[str, str], columns: Sequence[str] = tuple(GOOD)) -> list[str]:
    """The lines of a file with these rows; a cell that a row does not name is its column's example."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(GOOD | row for row in rows)
    return text.getvalue().splitlines(keepends=True)


def entries(lines: Sequence[str]) -> list[Entry]:
    found = list(read(lines, "orders.csv"))
    assert [item for item in found if isinstance(item, Refusal)] == []
    return [item for item in found if isinstance(item, Entry)]


def refusal(lines: Sequence[str]) -> Refusal:
    """The one refusal among what is read."""
    (found,) = [item for item in read(lines, "orders.csv") if isinstance(item, Refusal)]
    return found


# --- what is read ------------------------------------------------------------------------------------------


def test_the_examples_of_the_columns_make_a_backorder() -> None:
    (entry,) = entries(a_file({}))
    order, (line,) = entry.news, entry.news.lines
    assert (entry.line, order.order_id, order.customer.country, order.customer.email) == (
        2,
        "1042",
        "US",
        "jane@example.com",
    )
    assert order.payment is not None
    assert order.payment.expires == "2026-12"
    assert (line.quantity, line.unit_price, line.eta) == (3, Decimal("9.50"), date(2026, 12, 12))
    assert line.highlights == ["Mouth-blown", "Signed by the maker"]
    assert [(related.name, str(related.url)) for related in line.related] == [
        ("Ornament hooks", "https://shop.example/hooks")
    ]


def test_rows_that_stand_together_form_one_order() -> None:
    first, second = entries(a_file({"sku": "A"}, {"sku": "B"}, {"order_id": "1043"}))
    assert [line.sku for line in first.news.lines] == ["A", "B"]
    assert (second.line, second.news.order_id) == (4, "1043")


def test_what_the_whole_order_shares_may_stand_in_one_row_only() -> None:
    (entry,) = entries(a_file({"sku": "A", "name": ""}, {"sku": "B", "email": "", "placed_at": ""}))
    assert (entry.news.customer.name, entry.news.customer.email) == ("Jane Doe", "jane@example.com")


def test_an_empty_cell_is_absent() -> None:
    optional = {column.name: "" for column in COLUMNS if not column.required}
    (entry,) = entries(a_file(optional))
    (line,) = entry.news.lines
    assert (entry.news.placed_at, entry.news.payment, entry.news.customer.locale) == (None, None, None)
    assert (line.eta, line.unit_price, line.highlights, line.related) == (None, None, [], [])


def test_only_the_required_columns_are_needed_and_in_any_order() -> None:
    (entry,) = entries(a_file({}, columns=["quantity", "product", "sku", "email", "order_id"]))
    assert entry.news.lines[0].quantity == 3


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter() -> None:
    lines = a_file({"name": "Zoë"})
    windows = [line.replace("\n", "\r\n") for line in lines]
    assert entries(["\ufeff" + windows[0], *windows[1:]]) == entries(lines)


def test_blank_lines_and_rows_without_a_single_cell_are_passed_over() -> None:
    header, row, other = a_file({}, {"order_id": "1043"})
    found = entries(["\n", header, "\n", row, "," * (len(GOOD) - 1) + "\n", "\n", other])
    assert [entry.line for entry in found] == [4, 7]


def test_a_quoted_comma_quote_and_line_break_belong_to_their_cell() -> None:
    (entry, other) = entries(
        a_file({"product": 'Bowl, 5" wide', "reason": "the kiln is cold\n"}, {"order_id": "1043"})
    )
    assert (entry.news.lines[0].name, entry.news.lines[0].reason) == ('Bowl, 5" wide', "the kiln is cold")
    assert other.line == 4, "the quoted line break counts as a line of the file"


# --- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("order_id", "", "order_id is empty"),
        ("order_id", "x" * 201, "at most 200 characters"),
        ("placed_at", "2026-11-20T23:30:00", "timezone"),
        ("placed_at", "yesterday", "valid datetime"),
        ("placed_at", "0001-01-01T00:00:00+14:00", "not between 2000 and 2100"),
        ("placed_at", "9999-12-31T23:59:59-12:00", "not between 2000 and 2100"),
        ("currency", "usd", "'USD'"),
        ("currency", "", "currency: is needed"),
        ("order_url", "ftp://shop.example/1", "'https'"),
        ("email", "", "email is empty"),
        ("email", "jane.example.com", "@-sign"),
        ("name", "Jane\nBcc: all@example.com", "line breaks"),
        ("name", "Jane\0", "control characters"),
        ("locale", "xx-Klingon", "known locale"),
        ("timezone", "Mars/Olympus", "IANA time zone"),
        ("country", "Germany", "'US'"),
        ("country", "QX", "ISO 3166-1"),
        ("payment_expires", "12/26", "'2026-12'"),
        ("payment_expires", "", "payment_expires is empty"),
        ("payment_url", "pay", "valid URL"),
        ("sku", "", "sku is empty"),
        ("product", "", "product is empty"),
        ("quantity", "", "quantity is empty"),
        ("quantity", "0", "greater than or equal to 1"),
        ("quantity", "-1", "greater than or equal to 1"),
        ("quantity", "1" + "0" * 30, "valid integer"),
        ("quantity", "2.5", "valid integer"),
        ("quantity", "three", "valid integer"),
        ("unit_price", "9,50", "valid decimal"),
        ("unit_price", "-1", "greater than or equal to 0"),
        ("unit_price", "NaN", "finite"),
        ("eta", "2026-02-30", "'2026-12-12'"),
        ("eta", "12/12/2026", "must be a date"),
        ("eta", "", "eta_earliest: needs an eta"),
        ("eta_earliest", "2026-12-13", "lies after eta"),
        ("promised", "soon", "must be a date"),
        ("image_url", "orn.jpg", "valid URL"),
        ("product_url", "javascript:alert(1)", "'https'"),
        ("highlights", " | ".join("abcdefghijk"), "at most 10"),
        ("highlights", "x" * 501, "at most 500"),
        ("related", "Ornament hooks", "'Ornament hooks <https://shop.example/hooks>'"),
        ("related", "Ornament hooks <hooks>", "valid URL"),
    ],
)
def test_a_bad_cell_refuses_its_order_by_line_and_column_and_keeps_the_rest(
    column: str, cell: str, said: str
) -> None:
    lines = a_file({"order_id": "1"}, {column: cell}, {"order_id": "3"})
    kept = [item.news.order_id for item in read(lines, "orders.csv") if isinstance(item, Entry)]
    found = refusal(lines)
    assert kept == ["1", "3"]
    assert found.line == 3
    assert said in found.reason
    assert column in found.reason
    assert len(found.reason) < 400, "a long cell is not repeated in full"


def test_one_bad_row_refuses_all_rows_of_its_order() -> None:
    lines = a_file({"sku": "A"}, {"sku": "B", "quantity": "0"}, {"sku": "C"}, {"order_id": "1043"})
    assert refusal(lines).line == 3
    assert refusal(lines).order_id == "1042"
    assert [item.news.order_id for item in read(lines, "") if isinstance(item, Entry)] == ["1043"]


def test_all_that_is_wrong_with_an_order_is_told_at_once() -> None:
    found = refusal(
        a_file({"sku": "A", "quantity": "0"}, {"sku": "B", "eta": "soon", "email": "other@example.com"})
    )
    assert found.line == 2
    assert "quantity '0'" in found.reason
    assert "line 3: eta 'soon'" in found.reason
    assert "line 3: email 'other@example.com'" in found.reason


def test_rows_of_an_order_that_contradict_each_other_are_refused() -> None:
    found = refusal(a_file({"sku": "A"}, {"sku": "B", "currency": "EUR"}))
    assert (found.line, found.reason) == (
        3,
        "currency 'EUR': the order's rows before say 'USD'; one order, one value",
    )


def test_a_sku_that_stands_twice_in_an_order_is_refused() -> None:
    found = refusal(a_file({"sku": "A"}, {"sku": "A"}))
    assert (found.line, found.reason) == (3, "'A' stands twice; add the quantities up in one line")


def test_an_order_with_too_many_lines_is_refused() -> None:
    assert "at most 500" in refusal(a_file(*({"sku": f"S{number}"} for number in range(501)))).reason


def test_an_order_whose_rows_stand_apart_is_refused_where_it_comes_again() -> None:
    found = refusal(a_file({"sku": "A"}, {"order_id": "2"}, {"sku": "B"}))
    assert (found.line, found.reason) == (
        4,
        "order_id '1042': stands at line 2 already; its rows stand together",
    )


@pytest.mark.parametrize("cells", [3, len(GOOD) - 1, len(GOOD) + 1])
def test_a_row_with_too_many_or_too_few_cells_is_refused(cells: int) -> None:
    header, row = a_file({"highlights": "", "related": ""}, columns=[*GOOD])
    lines = [header, ",".join([*row.rstrip("\n").split(","), "more"][:cells]) + "\n"]
    assert f"has {cells} cells where the header has {len(GOOD)}" in refusal(lines).reason


def test_a_row_that_names_no_order_refuses_the_order_around_it() -> None:
    lines = a_file({"sku": "A"}, {"sku": "B", "order_id": ""}, {"sku": "C"})
    assert (refusal(lines).line, refusal(lines).order_id) == (3, "1042")
    assert entries(a_file({"sku": "A"})), "the order is fine without it, but it might be incomplete"


@pytest.mark.parametrize("row", ['1042,"jane"doe,A,B,1\n', '1042,"never closed,A,B,1\n', "1042,a\rb,A,B,1\n"])
def test_a_row_that_is_not_csv_is_refused(row: str) -> None:
    header, good = a_file({"order_id": "1"}, columns=["order_id", "email", "sku", "product", "quantity"])
    found = list(read([header, good, row], "orders.csv"))
    assert isinstance(found[0], Entry)
    assert isinstance(found[1], Refusal)
    assert found[1].line == 3
    assert "is not CSV" in found[1].reason


def test_a_row_in_another_encoding_is_refused_and_the_rest_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    text = "".join(a_file({"name": "Jürgen"}, {"order_id": "2", "name": "Jurgen"}))
    file.write_bytes(text.encode("latin-1"))
    found, kept = read(open_lines(file), file.name)
    assert isinstance(found, Refusal)
    assert found.reason == "name 'J?rgen': is not UTF-8; save the file as CSV UTF-8"
    assert isinstance(kept, Entry)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "orders.csv: is empty; the first line names the columns"),
        ("\n\n", "is empty"),
        ("order_id,email,sku,product\n", "column quantity is missing"),
        ("order_id,email,sku,product,quantity,promissed\n", "unknown column 'promissed'; known are order_id"),
        ("order_id,email,sku,product,quantity,sku,email\n", "column email, sku stands twice"),
        ("order_id;email;sku;product;quantity\n", "has no commas"),
        ("order_id\temail\tsku\tproduct\tquantity\n", "has no commas"),
        ('order_id,"email"s\n', "the header is not CSV"),
        (bytes("order_id,email", "utf-16").decode("utf-8", "surrogateescape"), "is not UTF-8"),
    ],
)
def test_a_header_that_cannot_be_used_refuses_the_whole_file(text: str, said: str) -> None:
    (found,) = read(
        [*text.splitlines(keepends=True), "1,a@example.com,A,B,1\n"] if text.strip() else [text], "orders.csv"
    )
    assert isinstance(found, Refusal)
    assert (found.line, found.order_id) == (1, "")
    assert said in found.reason


cells = st.one_of(st.text(max_size=20), st.sampled_from([column.example for column in COLUMNS]))
rows = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(GOOD, cells)), max_size=5)


@given(rows)
def test_whatever_the_cells_hold_every_row_is_read_or_refused(rows: list[dict[str, str]]) -> None:
    lines = a_file(*rows)
    for item in read(lines, "orders.csv"):
        if isinstance(item, Entry):
            assert item.news.order_id
        else:
            assert item.reason.isprintable()
            assert 2 <= item.line <= len(lines)


@given(st.lists(st.text()))
@example(["\ud800"])
@example(['"'])
@example(["\0,\0"])
def test_no_text_at_all_makes_reading_fail(lines: list[str]) -> None:
    for header in ([], a_file({})):
        for item in read([*header, *lines], "orders.csv"):
            assert isinstance(item, Entry | Refusal)


# --- what is registered ------------------------------------------------------------------------------------


def a_store(engine: Engine) -> str:
    with transaction(engine) as session:
        return create_store(session, NOW, name="Hollow & Pine").store.id


def test_a_second_run_registers_only_what_was_not_there(engine: Engine) -> None:
    store = a_store(engine)
    first = load(engine, store, read(a_file({"order_id": "1"}), ""), NOW)
    again = load(engine, store, read(a_file({"order_id": "1"}, {"order_id": "2"}), ""), NOW)
    assert (first.registered, first.already, first.refused) == (1, 0, [])
    assert (again.registered, again.already, again.refused) == (1, 1, [])


def test_an_order_that_is_there_with_other_content_is_refused_with_its_line(engine: Engine) -> None:
    store = a_store(engine)
    load(engine, store, read(a_file({"order_id": "1"}), ""), NOW)
    report = load(engine, store, read(a_file({"order_id": "2"}, {"order_id": "1", "quantity": "4"}), ""), NOW)
    assert (report.registered, report.already) == (1, 0)
    (found,) = report.refused
    assert (found.line, found.order_id) == (3, "1")
    assert "other content" in found.reason


def test_refusals_of_every_kind_are_reported_in_the_order_of_the_file(engine: Engine) -> None:
    store = a_store(engine)
    load(engine, store, read(a_file({"order_id": "1"}), ""), NOW)
    lines = a_file({"order_id": "1", "quantity": "4"}, {"order_id": "2", "quantity": "0"}, {"order_id": "3"})
    report = load(engine, store, read(lines, ""), NOW, chunk=2)
    assert [found.line for found in report.refused] == [2, 3]
    assert report.registered == 1


def test_the_whole_shop_is_imported_from_its_file(engine: Engine) -> None:
    store = a_store(engine)
    reached: list[tuple[int, int]] = []
    report = run(engine, store, DATA, NOW, lambda line, lines: reached.append((line, lines)))
    lines = len(DATA.read_text().splitlines())
    assert (report.registered, report.already, report.refused) == (352, 0, [])
    assert reached == sorted(reached)
    assert reached[-1] == (lines, lines)


def test_an_import_that_is_killed_loses_no_accepted_row(sqlite_url: str) -> None:
    engine = make_engine(sqlite_url)
    store = a_store(engine)
    script = """
import sys
from datetime import datetime
from pathlib import Path
from notifier.db.engine import make_engine
from notifier.importing import run
url, store, file, now = sys.argv[1:]
run(make_engine(url), store, Path(file), datetime.fromisoformat(now), lambda line, _: print(line, flush=True))
"""
    command = [sys.executable, "-c", script, sqlite_url, store, str(DATA), NOW.isoformat()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.kill()
        finished = len(child.stdout.readlines()) + 1
    report = run(engine, store, DATA, NOW)
    assert report.already >= min(100 * finished, 352)
    assert (report.registered + report.already, report.refused) == (352, [])
    engine.dispose()


def test_an_unknown_store_is_named(engine: Engine) -> None:
    with pytest.raises(NotFound, match="store_of_nobody"):
        load(engine, "store_of_nobody", read(a_file({}), ""), NOW)


def test_a_file_that_cannot_be_read_is_named(engine: Engine, tmp_path: Path) -> None:
    for path, why in ((tmp_path / "missing.csv", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(Invalid, match=f"{path} can't be read: {why}"):
            run(engine, "any", path, NOW)
