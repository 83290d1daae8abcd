"""Examples of sending policies, for the reference."""

from typing import Any

Json = dict[str, Any]

POLICY: Json = {
    "countdown_days": [14, 7, 3, 1],
    "send_window": {"start": "09:00", "end": "20:00"},
    "min_gap_hours": 20,
    "max_per_week": 5,
    "waiting_every_days": 7,
    "next_word_days": 14,
    "payment_lead_days": 14,
    "settle_minutes": 15,
    "delay_threshold_days": 1,
    "jurisdiction": "auto",
    "max_messages_per_change": 10000,
    "auto_notice": True,
    "deemed_cancellation": "ask",
    "ask_further": False,
    "unknown_sends": "hold",
    "skus": {"ORN-RED": {"countdown_days": [7, 1], "delay_threshold_days": 3}},
}

SKU_POLICY: Json = {"countdown_days": [7, 1], "delay_threshold_days": 3}

EFFECT: Json = {
    "summary": "Under this policy these 1,240 planned emails become 980.",
    "warnings": [],
    "exact": True,
    "orders": 412,
    "orders_looked_at": 412,
    "before": {"expectation": 3, "countdown": 1237},
    "after": {"expectation": 3, "countdown": 977},
    "sends": 0,
    "changes": {
        "added": {"count": 0, "examples": []},
        "cancelled": {
            "count": 260,
            "examples": [
                {
                    "backorder_id": "bo_019aa4b2c1d07c3e9f5a1b2c3d4e5f60",
                    "order_id": "1042",
                    "kind": "countdown",
                    "before": "2026-11-28T14:00:00Z",
                    "after": None,
                    "why": ["countdown_days"],
                }
            ],
        },
        "moved": {"count": 0, "examples": []},
        "reworded": {"count": 0, "examples": []},
    },
}

VERSION: Json = {
    "version": 4,
    "at": "2026-11-20T09:12:00Z",
    "by": "API key that ends in x7Qa",
    "changed": ["countdown_days"],
    "policy": POLICY,
    "orders": {"total": 412, "done": 200, "finished_at": None, "overtaken": False},
}
