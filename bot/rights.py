"""What staff may do and see: one table. Scripts open a dialog only from its rank on (`staff:`); the effects ask here once more,
for an old frame may reach them after a rank is gone. tests/test_staff.py goes through all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dialogs.model import RANKS
from storage.records import Staff


@dataclass(frozen=True, slots=True)
class Right:
    """From which rank on; and may it be done to one's own record too? (For that there are /mydata and /me, as for everybody.)"""

    rank: str
    own: bool = False


RIGHTS: Mapping[str, Right] = {
    "look": Right("viewer"),  # the masked card of a number
    "open": Right("viewer"),  # what was answered, after a reason was given
    "open-private": Right("coordinator"),  # name, contact, and words that ask for them
    "read-notes": Right("coordinator"),  # free text about somebody
    "write-note": Right("coordinator"),
    "find": Right("viewer"),  # by coded answers
    "find-few": Right("coordinator"),  # groups so small that they point at somebody
    "find-name": Right("coordinator"),
    "calls": Right("coordinator"),  # look at, answer and close what somebody asked of a human being
    "code": Right("coordinator"),  # words that nothing fitted: which there are, and the entry that they mean
    "numbers": Right("viewer"),  # how many, never who
    "fill": Right("coordinator"),  # a profile, with somebody in the room
    "see-events": Right("viewer"),  # how many signed up, what was said of it; never who
    "events": Right("coordinator"),  # make, publish, change, call off; who signed up
    "check-in": Right("viewer"),  # somebody's ticket, at the door
    "invite": Right("admin"),
    "change-staff": Right("admin", own=True),  # but the last admin stays
    "own-code": Right("viewer", own=True),
}
FEW = 5  # people: a smaller group is shown to nobody below coordinator


def may(staff: Staff | None, act: str, *, own: bool = False) -> bool:
    """`own`: it is their own record."""
    right = RIGHTS[act]
    return staff is not None and RANKS.index(staff.rank) >= RANKS.index(right.rank) and (right.own or not own)
