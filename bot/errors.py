"""Errors that somebody reads: operators (one sentence with the remedy), and delivery (again, and when?)."""

from __future__ import annotations


class FrontdoorError(Exception):
    """Frontdoor can't start or go on as it is set up; the message is one sentence with the remedy."""


class SendError(Exception):
    """The channel did not take the message.

    `reason`: blocked, deactivated, kicked, chat-not-found, migrated (nothing more can be said in this chat); bad-request,
    too-large (not this message); unauthorised (not this bot); limited, server, unreachable (again, later).
    """

    GONE = frozenset({"blocked", "deactivated", "kicked", "chat-not-found", "migrated"})
    REFUSED = frozenset({"bad-request", "too-large"})

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.retry_after = reason, retry_after
        self.taken = 0  # requests that were taken before this one, where a message needs several
