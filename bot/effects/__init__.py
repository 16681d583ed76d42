"""The verbs that a script may name with `effect:`, and the lists of somebody's own that it may name with `from:`. Each verb
makes something true in the same commit as the turn itself. And what we do by ourselves when its time has come."""

from __future__ import annotations

from collections.abc import Mapping

from bot.effects import calls, doors, mydata, nudges, numbers, organisations, profiles
from bot.effects.nouns import Chore, Effect, Listing
from storage.nudges import HALF_WAY, STILL_LOOKING

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
    "be-quiet": nudges.be_quiet,
    "answer-still": nudges.answer_still,
    "come-back": nudges.come_back,
    "tell-numbers": numbers.tell,
}
ACTS: Mapping[str, Effect] = {  # of our own, in a chat, when their time has come (bot/clock.py); ${argument} is in the memo
    HALF_WAY: nudges.remind,
    STILL_LOOKING: nudges.ask_still,
    calls.NOBODY_ANSWERED: calls.tell_that_nobody_answered,
}
CHORES: Mapping[str, Chore] = {"pause": nudges.pause}  # the same in no chat
LISTS: Mapping[str, Listing] = {
    "my-organisations": organisations.mine,
    "my-profiles": profiles.here,
    "portals": organisations.portals,
}
