"""The verbs that a script may name with `effect:`, and the lists of somebody's own that it may name with `from:`. Each verb
makes something true in the same commit as the turn itself. And what we do by ourselves when its time has come."""

from __future__ import annotations

from collections.abc import Mapping

from bot.effects import (
    attending,
    calls,
    coding,
    doors,
    due,
    files,
    fill,
    find,
    forms,
    mail,
    mydata,
    nudges,
    numbers,
    organisations,
    person,
    profiles,
    reading,
    signups,
    staff,
    staging,
)
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
    "enter-staff": staff.enter,
    "invite-staff": staff.invite_one,
    "change-staff": staff.change,
    "staff-code": staff.own_code,
    "look-at-person": person.look,
    "open-person": person.open_,
    "read-notes": person.read_notes,
    "write-note": person.write_note,
    "find-by-answers": find.by_answers,
    "find-by-name": find.by_name,
    "fill-profile": fill.begin,
    "hand-over": fill.hand_over,
    "claim-profile": doors.claim,
    "hand-in": forms.hand_in,
    "code-words": coding.code_words,
    "show-original": reading.show_original,
    "show-event": signups.show_event,
    "look-at-event": signups.look,
    "sign-up": signups.sign_up,
    "accept-offer": signups.accept_offer,
    "cancel-sign-up": signups.cancel,
    "still-coming": signups.still_coming,
    "set-zone": signups.set_zone,
    "was-here": signups.was_here,
    "look-back": signups.look_back,
    "give-feedback": signups.give_feedback,
    "look-for-mail": mail.look,
    "send-mail-code": mail.send_code,
    "confirm-mail": mail.confirm,
    "stop-mail": mail.stop,
    "create-event": staging.create,
    "look-after-event": staging.look_after,
    "publish-event": staging.publish,
    "preview-event": staging.preview,
    "drop-event": staging.drop,
    "may-change-event": staging.may_change,
    "tell-commands": staging.tell_commands,
    "show-once-more": staging.sure,
    "change-event": staging.change,
    "take-no-more": staging.take_no_more,
    "write-event": staging.write,
    "call-off-event": staging.call_off,
    "check-in": attending.check_in,
    "list-registered": attending.listed,
    "add-registered": attending.add,
    "remove-registered": attending.remove,
    "message-registered": attending.tell,
    "event-sheet": attending.sheet,
    "event-feedback": attending.opinions,
    "report-events": attending.report,
}
ENGINES: Mapping[str, Effect] = {"fetch-file": files.fetch}  # the engine's own, which no script may name
ACTS: Mapping[str, Effect] = {  # of our own, in a chat, when their time has come (bot/clock.py); ${argument} is in the memo
    HALF_WAY: nudges.remind,
    STILL_LOOKING: nudges.ask_still,
    calls.NOBODY_ANSWERED: calls.tell_that_nobody_answered,
}
CHORES: Mapping[str, Chore] = {"pause": nudges.pause, due.EVENT: due.run}  # the same in no chat
# They lock an event, which others want too: each runs alone, in a transaction of its own (bot/intake.py).
SHARED = frozenset(
    "sign-up accept-offer cancel-sign-up still-coming give-feedback create-event publish-event drop-event change-event take-no-more "
    "write-event call-off-event add-registered remove-registered message-registered".split()
) | {due.EVENT}
LISTS: Mapping[str, Listing] = {
    "my-organisations": organisations.mine,
    "my-profiles": profiles.here,
    "portals": organisations.portals,
    "my-staff": staff.everybody,
    "my-facets": find.facets,
    "my-values": find.values,
    "my-forms": forms.mine,
    "my-uncoded": coding.uncoded,
    "other-languages": reading.other_languages,
    "open-events": signups.open_events,
    "my-signups": signups.my_signups,
    "my-events": staging.mine,
    "my-event-words": staging.text_states,
}
# Who speaks in a chat must not change while staff fill somebody's profile in there; and an answer of the team's would come to staff.
NOT_MEANWHILE = frozenset(
    "add-profile switch-profile remove-profile give-code join-by-code claim-profile part-others leave-person enter-staff "
    "look-for-team call-human close-my-call sign-up confirm-mail stop-mail".split()
)
