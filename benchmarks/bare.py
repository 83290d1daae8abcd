"""The least that sends the same emails: claim due rows, render, POST on one open connection, mark. The ceiling.

It writes its own SQL, looks at no fact, and keeps no lease, attempt, content or history: what it saves is the
price of the guarantees.
"""

import http.client
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import text

from benchmarks import orders
from benchmarks.common import Bench, services, sink, taken
from notifier.db import facts
from notifier.db.engine import make_engine, reading
from notifier.dispatch import shop_of
from notifier.domain.plan import plan
from notifier.words.context import variables

# `urgency >= 0`, true of each, is how the index of what is due can be used: else all that is planned would be read.
CLAIM = (
    "UPDATE message SET status = 'sending' WHERE id IN (SELECT id FROM message WHERE status = 'planned'"
    " AND urgency >= 0 AND attempt_at <= :now ORDER BY attempt_at LIMIT 500{skip})"
    " RETURNING id, key, backorder_id"
)
MARK = "UPDATE message SET status = 'sent' WHERE id = :id"


def send_due(bench: Bench, url: str, due: int) -> float:
    """Messages a second."""
    engine = make_engine(url)
    orders.lay_due(engine, due)
    with sink() as far_side:
        post = services(url, far_side).post
        words = _words(post, engine)
        connection = http.client.HTTPConnection(urlsplit(far_side).netloc)
        headers = {"Authorization": "Bearer bench", "Content-Type": "application/json"}
        skip = "" if bench.db == "sqlite" else " FOR UPDATE SKIP LOCKED"
        began, sent = time.perf_counter(), 0
        while True:
            with engine.begin() as database:
                now = orders._stored(engine, datetime.now(UTC))
                rows = database.execute(text(CLAIM.format(skip=skip)), {"now": now}).all()
            if not rows:
                break
            for row in rows:
                email = words(row.key, row.backorder_id)
                connection.request("POST", "/v3/mail/send", body=json.dumps(email).encode(), headers=headers)
                answer = connection.getresponse()
                answer.read()
            with engine.begin() as database:
                database.execute(text(MARK), [{"id": row.id} for row in rows])
            sent += len(rows)
        rate = sent / (time.perf_counter() - began)
        assert taken(far_side).accepted == sent
        connection.close()
    engine.dispose()
    return rate


def _words(post: Any, engine: Any) -> Callable[[str, str], dict[str, Any]]:
    """The email of a message, from facts that are in memory: those of a few orders stand for all."""
    now = datetime.now(UTC)
    with reading(engine) as session:
        ids = session.connection().execute(
            text("SELECT backorder_id FROM message WHERE status = 'planned' AND attempt_at <= :now LIMIT 400"),
            {"now": orders._stored(engine, now)},
        ).scalars()  # fmt: skip
        known = list(facts.load(session, ids).values())
    drafts = [
        (order, draft)
        for order in known
        for draft in plan(order.facts, order.policy, now)
        if draft.due_at <= now
    ]
    number = iter(range(10**9))

    def email(_key: str, backorder_id: str) -> dict[str, Any]:
        order, draft = drafts[next(number) % len(drafts)]
        values = variables(
            order.facts, draft.kind, draft.says, draft.about, shop_of(order.store),
            post.links.for_email(backorder_id, 1, now), now, order.law,
        )  # fmt: skip
        rendered = post.templates.render(draft.kind, values, order.facts.customer.locale)
        return {
            "personalizations": [{"to": [{"email": order.facts.customer.email}]}],
            "from": {"email": "bench@shop.example"},
            "subject": rendered.subject,
            "content": [
                {"type": "text/plain", "value": rendered.text},
                {"type": "text/html", "value": rendered.html},
            ],
        }

    return email
