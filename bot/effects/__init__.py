"""The verbs that a script may name with `effect:`, and the lists of somebody's own that it may name with `from:`. Each verb
makes something true in the same commit as the turn itself. Acts are the same without a turn: what we do when its time has come."""

from __future__ import annotations

from collections.abc import Mapping

from bot.effects import calls, doors, mydata, organisations, profiles
from bot.effects.nouns import Effect, Listing

EFFECTS: Mapping[str, Effect] = {
    "finish-profile": mydata.finish_profile,
    "erase": mydata.erase,
    "send-my-data": mydata.send_my_data,
    "give-code": doors.give_code,
    "join-by-code": doors.join_by_code,
    "part-others": doors.part_others,
    "leave-person": doors.leave_person,
    "found-organisation": organisations.found,
    "join-organisation": organisations.join,
    "speak-for": organisations.speak_for,
    "invite-colleague": organisations.invite,
    "leave-organisation": organisations.leave,
    "add-profile": profiles.add,
    "switch-profile": profiles.switch,
    "remove-profile": profiles.remove,
    "look-for-team": calls.look_for_team,
    "call-human": calls.call_human,
    "close-my-call": calls.close_my_call,
    "list-calls": calls.list_calls,
    "look-at-call": calls.look_at_call,
    "answer-call": calls.answer_call,
    "take-call": calls.take_call,
    "close-call": calls.close_call,
}
ACTS: Mapping[str, Effect] = {  # by the value of a Kind.DUE
    calls.NOBODY_ANSWERED: calls.tell_that_nobody_answered,
}
LISTS: Mapping[str, Listing] = {
    "my-organisations": organisations.mine,
    "my-profiles": profiles.here,
    "portals": organisations.portals,
}
