"""Webhooks that leave: where they may go, how they are signed, and one POST."""
