"""Letters by e-mail: an address that somebody gives, and proves with a code that was sent there. It is a chat of theirs in which only we speak."""

from __future__ import annotations

import secrets
from dataclasses import replace
from uuid import UUID, uuid4

from bot.effects.nouns import Context, Outcome, in_groups, said
from bot.letters import pack
from dialogs.nouns import Frame, Message, Say, State
from storage import chats, codes, registrations
from storage.records import Address, Draft

CHANNEL = chats.MAIL


async def look(context: Context) -> Outcome:
    """Can mail be sent from here, and is there somebody whom we know?"""
    if not context.words.constant("mail"):
        return said("email.none", "none")
    if context.person is None:
        return said("email.nobody", "nobody")
    there = await chats.mail_of(context.unit, context.person.id)
    return said("email.goes-to", "there", address=there.address) if there else Outcome((), "new")


async def send_code(context: Context) -> Outcome:
    """To the address that they wrote, and nowhere else."""
    address = _address(context)
    if await codes.are_too_many(context.unit, context.chat.id, "mail", _subject(context, address)):  # nobody floods somebody else's mailbox
        return Outcome()
    code = await codes.make(context.unit, context.chat.id, kind="mail", subject=_subject(context, address))
    minutes = int(codes.LASTS.total_seconds() // 60)
    letter = pack(Message((Say("email.your-code", {"code": in_groups(code), "n": minutes}),)))
    return Outcome(notices=(Draft(f"mail-code.{uuid4()}", letter, None, Address(CHANNEL, address), context.chat.language),))


async def confirm(context: Context) -> Outcome:
    """Whoever reads that mailbox wrote the code here: letters about their events go there from now on."""
    unit, person, address = context.unit, context.person, _address(context)
    if person is None or await codes.redeem_for(unit, "mail", codes.digits(context.memo.get("code", ""))) != _subject(context, address):
        return said("email.wrong", "wrong")
    where = Address(CHANNEL, address)
    there = await chats.at(unit, where)
    if there and there.person_id not in {None, person.id}:
        return said("email.taken", "taken")
    await _stop(context, person.id)
    chat = (await chats.lock(unit, {where: context.chat.language}, [where]))[where]
    state = State(context.chat.language, secrets.randbelow(1_000_000), ("join.age",), frames=(Frame("menu"),), reading=dict(context.chat.reading))
    chat = replace(chat, person_id=person.id, language=context.chat.language, state=state.to_json())
    await chats.save(unit, [chat])
    await registrations.write_to(unit, person.id, chat.id)
    return said("email.done", "done")


async def stop(context: Context) -> Outcome:
    """No more letters by e-mail; they come to their chats again."""
    if context.person:
        await _stop(context, context.person.id)
    return replace(said("email.off", "off"), scrub=True)


async def _stop(context: Context, person_id: UUID) -> None:
    """The chat goes, and with it the address and what was still to be said there."""
    there = await chats.mail_of(context.unit, person_id)
    if there:
        await chats.remove(context.unit, [there.id])


def _address(context: Context) -> str:
    return context.memo.get("address", "").strip()


def _subject(context: Context, address: str) -> UUID:
    """What the code opens: this address, for this chat."""
    return UUID(bytes=context.unit.cipher.index(f"mail/{context.chat.id}/{address}")[:16])
