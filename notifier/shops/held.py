"""What happened to an order that is not known yet, as JSON, until it is. It holds nothing of the customer."""

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from notifier.shops import Ended, MoneyBack, Parcel, Part


def to_json(part: Part) -> dict[str, Any]:
    document: dict[str, Any] = _plain(asdict(part))
    return document


def from_json(document: dict[str, Any]) -> Part:
    """What `to_json` made."""
    return Part(
        document["ref"],
        tuple(Parcel(**it | {"at": _instant(it["at"])}) for it in document["parcels"]),
        tuple(
            MoneyBack(
                **it
                | {
                    "at": _instant(it["at"]),
                    "amount": Decimal(it["amount"]),
                    "shares": {sku: Decimal(share) for sku, share in it["shares"].items()},
                }
            )
            for it in document["refunds"]
        ),
        Ended(**document["ended"]) if document.get("ended") else None,
    )


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case datetime():
            return value.isoformat()
        case Decimal():
            return str(value)
        case _:
            return value


def _instant(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
