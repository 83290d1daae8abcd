"""Who gets no mail, in the console; and legal notices that did not arrive."""

import re

from fastapi.testclient import TestClient
from sqlmodel import select

from notifier import feedback, intake
from notifier.db.engine import reading
from notifier.db.overview import lost_notices
from notifier.db.tables import MessageRow, Suppression
from notifier.domain.message import Scope, Status
from notifier.inputs import BackorderChange
from notifier.providers.reports import Report
from notifier.suppressing import suppress
from tests.pages.shop import OTHER_KEY, Shop
from tests.pages.test_console import token
from tests.pages.test_order_page import everything

PATH = "/console/suppressions"


def suppressed(shop: Shop) -> list[tuple[str, str, str, str]]:
    with reading(shop.services.engine) as session:
        return [
            (row.store_id, row.address, row.scope, row.source) for row in session.exec(select(Suppression))
        ]


def forbid(shop: Shop, address: str, store_id: str = "store_fern") -> None:
    with shop.writing() as session:
        suppress(session, store_id, address, Scope.ALL, "bounced", "sendgrid", shop.now)


def hear(shop: Shop, message_id: str, status: Status, suppresses: Scope | None = None) -> None:
    report = Report(f"{message_id} {status}", message_id, status, shop.now, "550 no such user", suppresses)
    with shop.writing() as session:
        feedback.keep(session, "store_fern", "sendgrid", [report], shop.now)
    feedback.apply(shop.services.engine, shop.now)


def a_notice(shop: Shop, order_id: str) -> MessageRow:
    query = select(MessageRow).where(
        MessageRow.backorder_id == shop.ids[order_id],
        MessageRow.kind == "consent",
        MessageRow.status == "sent",
    )
    with reading(shop.services.engine) as session:
        return session.exec(query).one()


def lost(shop: Shop) -> list[str]:
    with reading(shop.services.engine) as session:
        return [message.status for message, _ in lost_notices(session, "store_fern", 9)]


def test_an_address_is_suppressed_from_the_page(shop: Shop, operator: TestClient) -> None:
    page = operator.get(PATH)
    assert "No address is suppressed." in page.text
    form = {
        "address": " Jane@Example.com ",
        "scope": "waiting",
        "reason": "asked us",
        "token": token(page, "Suppress"),
    }
    sent = operator.post(PATH, data=form)
    assert (sent.status_code, sent.headers["Location"]) == (303, f"{PATH}?done=added")
    assert suppressed(shop) == [("store_fern", "jane@example.com", "waiting", "console")]
    page = operator.get(sent.headers["Location"])
    assert "The address is suppressed." in page.text
    assert "asked us" in page.text


def test_a_bad_address_is_explained_and_what_was_typed_stays(shop: Shop, operator: TestClient) -> None:
    form = token(operator.get(PATH), "Suppress")
    for entered in ({"address": "nobody"}, {"address": ""}, {"address": "a@b.example", "scope": "some"}):
        answer = operator.post(PATH, data={"reason": "their wish", "token": form} | entered)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
        assert "their wish" in answer.text
    assert suppressed(shop) == []


def test_an_address_is_allowed_again_with_one_press(shop: Shop, operator: TestClient) -> None:
    forbid(shop, "jane@example.com")
    form = token(operator.get(PATH), ">Allow<")
    with reading(shop.services.engine) as session:
        row = session.exec(select(Suppression)).one()
    sent = operator.post(f"{PATH}/{row.id}/lift", data={"token": form})
    assert (sent.status_code, sent.headers["Location"]) == (303, f"{PATH}?done=lifted")
    assert suppressed(shop) == []
    assert operator.post(f"{PATH}/{row.id}/lift", data={"token": form}).status_code == 404


def test_forms_that_are_not_ours_and_other_stores_change_nothing(
    shop: Shop, operator: TestClient, visitor: TestClient
) -> None:
    forbid(shop, "joe@else.example", "store_else")
    with reading(shop.services.engine) as session:
        row = session.exec(select(Suppression)).one()
    before = everything(shop)
    assert operator.post(PATH, data={"address": "a@b.example", "token": "x"}).status_code == 403
    assert operator.post(f"{PATH}/{row.id}/lift", data={"token": "x"}).status_code == 403
    form = token(operator.get(PATH), "Suppress")
    crossed = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    sent = operator.post(PATH, data={"address": "a@b.example", "token": form}, headers=crossed)
    assert sent.status_code == 403
    assert "joe@else.example" not in operator.get(PATH).text
    assert everything(shop) == before


def test_looking_changes_nothing_and_needs_signing_in(shop: Shop, visitor: TestClient) -> None:
    before = everything(shop)
    assert visitor.get(PATH).headers["Location"] == f"/console/login?next={PATH}"
    assert visitor.post(PATH, data={"address": "a@b.example", "token": "x"}).status_code == 303
    assert visitor.get(f"{PATH}/x/lift").status_code in {404, 405}
    assert everything(shop) == before


def test_a_long_list_is_searched_and_turned(shop: Shop, operator: TestClient) -> None:
    for number in range(60):
        forbid(shop, f"jane+{number}@example.com")
    first = operator.get(PATH).text
    older = re.search(r'href="(\?before=[^"]+)"', first)
    assert older
    second = operator.get(f"{PATH}{older[1]}").text
    assert first.count(">Allow<") + second.count(">Allow<") == 60
    found = operator.get(PATH, params={"address": "JANE+7@example.com"}).text
    assert found.count(">Allow<") == 1


def test_what_others_write_is_shown_as_text(shop: Shop, operator: TestClient) -> None:
    with shop.writing() as session:
        suppress(
            session, "store_fern", "a@b.example", Scope.ALL, "<script>alert(1)</script>", "api", shop.now
        )
    assert "<script" not in operator.get(PATH).text


def test_who_stops_reminders_of_one_order_sees_so_on_all(shop: Shop, visitor: TestClient) -> None:
    jane = {"email": "jane.1043@example.com", "country": "US"}
    shop.register("2001", customer=jane | {"email": "Jane.1043@example.com"})
    visitor.post(f"{shop.link('1043')}/unsubscribe", data={"List-Unsubscribe": "One-Click"})
    assert suppressed(shop) == [("store_fern", "jane.1043@example.com", "waiting", "customer")]
    assert '<option value="off" selected>' in visitor.get(shop.link("2001")).text


# --- legal notices ----------------------------------------------------------------------------------------


def test_a_legal_notice_that_bounced_stands_on_top_of_the_overview(shop: Shop, operator: TestClient) -> None:
    assert "A legal notice did not arrive" not in operator.get("/console").text
    hear(shop, a_notice(shop, "1046").id, Status.BOUNCED, Scope.ALL)
    page = operator.get("/console").text
    assert "A legal notice did not arrive" in page
    assert page.index("A legal notice did not arrive") < page.index("orders waiting")
    assert lost(shop) == ["bounced"]
    assert b"notifier_lost_notices 1.0" in shop.services.metrics.text()


def right_address(shop: Shop, order_id: str) -> None:
    change = BackorderChange.model_validate({"customer": {"email": "jane@right.example"}})
    with shop.writing() as session:
        intake.change(session, "store_fern", shop.ids[order_id], change, shop.now)


def test_a_notice_goes_out_again_once_the_address_is_right(shop: Shop) -> None:
    notice = a_notice(shop, "1046")
    hear(shop, notice.id, Status.BOUNCED, Scope.ALL)
    shop.dispatch()
    assert lost(shop) == ["bounced"]
    right_address(shop, "1046")
    shop.dispatch()
    assert lost(shop) == []
    again = a_notice(shop, "1046")
    assert (again.to_email, again.says) == ("jane@right.example", notice.says)
    assert b"notifier_lost_notices 0.0" in shop.services.metrics.text()


def test_a_notice_that_is_held_counts_as_lost_until_it_goes(shop: Shop) -> None:
    hear(shop, a_notice(shop, "1046").id, Status.BOUNCED, Scope.ALL)
    shop.move_date("1046", "ORN-RED", "2027-03-12", "the kiln cracked again")
    shop.pass_time(hours=1)
    shop.dispatch()
    assert lost(shop) == ["held"]
    right_address(shop, "1046")
    shop.dispatch()
    assert lost(shop) == []
    assert a_notice(shop, "1046").to_email == "jane@right.example"


def test_a_countdown_that_bounced_is_trouble_but_no_legal_notice(shop: Shop, operator: TestClient) -> None:
    query = select(MessageRow).where(MessageRow.kind == "expectation", MessageRow.status == "sent").limit(1)
    with reading(shop.services.engine) as session:
        message = session.exec(query).one()
    hear(shop, message.id, Status.BOUNCED)
    assert lost(shop) == []


def test_another_store_sees_nothing_of_it(shop: Shop, visitor: TestClient) -> None:
    hear(shop, a_notice(shop, "1046").id, Status.BOUNCED, Scope.ALL)
    visitor.post("/console/login", data={"api_key": OTHER_KEY})
    assert "A legal notice did not arrive" not in visitor.get("/console").text
    assert "jane.1046@example.com" not in visitor.get(PATH).text
