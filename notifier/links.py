"""Signed links to a customer's own page. Whoever holds one may see that order, and answer from its form."""

from dataclasses import dataclass
from functools import lru_cache

from itsdangerous import BadSignature, URLSafeSerializer

from notifier.words.context import Links as EmailLinks


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and reads links. `public_url` is scheme and host; a new `secret` ends every link made with the old."""

    public_url: str
    secret: str

    def order_token(self, backorder_id: str) -> str:
        return str(self._signer.dumps(backorder_id))

    def order_page(self, backorder_id: str) -> str:
        return f"{self.public_url}/o/{self.order_token(backorder_id)}"

    def read_order(self, token: str) -> str | None:
        """The id of the backorder that a token is for; None when we did not sign it."""
        try:
            backorder_id = self._signer.loads(token)
        except BadSignature:
            return None
        return backorder_id if isinstance(backorder_id, str) else None

    def for_email(self, backorder_id: str) -> EmailLinks:
        """All that an email links to. Opening any of them changes nothing."""
        page = self.order_page(backorder_id)
        return EmailLinks(
            order=page,
            keep=f"{page}?do=keep#answer",
            cancel=f"{page}?do=cancel#answer",
            unsubscribe=f"{page}/unsubscribe",
            preferences=f"{page}#preferences",
            calendar=f"{page}/calendar.ics",
        )

    @property
    def _signer(self) -> URLSafeSerializer:
        return _signer(self.secret)


@lru_cache(maxsize=16)
def _signer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt="order page")
