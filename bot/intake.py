"""The one way in: a batch of updates becomes one commit, or nothing at all."""

from __future__ import annotations

import logging
import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from bot.effects import CHORES, LISTS, SHARED
from bot.effects.due import EVENT
from bot.effects.nouns import Desk, answer_of, name_of
from bot.interpreter import Interpreter
from bot.languages import Languages
from bot.letters import pack
from bot.logs import Code
from bot.messages import Incoming, Kind, language_of
from bot.settings import Programme
from bot.sources import folded, listed, searched
from bot.taxonomy import TAXONOMY, Taxonomy, is_slow
from bot.work import Work
from dialogs.asking import LONG, LookedUp
from dialogs.model import RANKS, Scripts
from dialogs.nouns import (
    Command,
    Consent,
    Contact,
    Fact,
    Fetched,
    File,
    Found,
    Heard,
    Known,
    Location,
    Message,
    Need,
    Press,
    Resume,
    Say,
    State,
    Text,
    Turn,
    Unreadable,
)
from dialogs.turn import offered, take_turn
from storage import events, outbox, seats, updates
from storage.errors import StoreAway
from storage.people import BY_STAFF
from storage.records import Address, Chat, Draft, Letter, Poison
from storage.store import Store, undisturbed
from translations.detect import by_script, closest, script_of
from translations.profiles import same
from translations.words import Words, is_right_to_left, own_name

log = logging.getLogger(__name__)


class SetAside(Exception):
    """A turn needs a search, which may not be done while others wait for the transaction; or (no `needs`) it locks what others want too,
    and must have a transaction of its own."""

    def __init__(self, needs: Sequence[Need] = ()) -> None:
        super().__init__("to be set aside")
        self.needs = needs


class _Midway(SetAside):
    """The same, when the update has changed something already: the whole transaction must go."""


HandOver = Callable[[Sequence[Letter]], None]
Key = tuple[str, str]  # source and key of an update
TAKE_FILES = frozenset({"telegram"})  # channels where a file can be sent to us
BROKEN = timedelta(hours=1)  # until an act that failed is tried again
MOST_SEARCHES = 8  # of one chat in one batch
ONE_TIME = re.compile(r"(staff|door)-(\d{12})")  # what a link of somebody's own carries: t.me/...?start=staff-123456789012
EVENT_LINK = re.compile(r"(event|checkin)_([A-Za-z0-9]{4,60})")  # of a poster: t.me/...?start=event_k7m2qx_l-de; of a ticket


@dataclass(slots=True)
class _Done:
    """What became of a batch."""

    fresh: set[Key] = field(default_factory=set)
    letters: list[Letter] = field(default_factory=list)
    erased: bool = False
    aside: list[tuple[Incoming, Sequence[Need]]] = field(default_factory=list)  # with what must be searched for first
    one_by_one: bool = False  # some of these lock what others want too


class Intake:
    def __init__(
        self,
        store: Store,
        scripts: Scripts,
        words: Words,
        programme: Programme,
        taxonomy: Taxonomy,
        languages: Languages,
        hand_over: HandOver,
        interpreter: Interpreter | None = None,
    ) -> None:
        """`hand_over` is given the letters of each commit, at once after it."""
        self._languages, self._interpreter = languages, interpreter
        self._store, self._scripts, self._words, self._programme = store, scripts, words, programme
        self._taxonomy, self._hand_over = taxonomy, hand_over

    async def handle(self, batch: Sequence[Incoming]) -> set[Key]:
        """Take in a batch; returning means that every one of them is on disk. Safe to call twice, from several processes:
        what comes back are the (source, key) of those that were new.

        Raises StoreAway when nothing was taken in: the same batch again, a little later. When cancelled, it commits first.
        """
        return await undisturbed(self._handle(batch)) if batch else set()

    async def _handle(self, batch: Sequence[Incoming]) -> set[Key]:
        todo, fresh, found = list(batch), set[Key](), dict[Need, Any]()
        searches = Counter[Address | None]()
        while todo:
            done = _Done()
            try:
                done = await self._together(todo, found)
            except StoreAway:
                raise
            except SetAside as needed:  # and rolled back
                if len(todo) > 1:
                    return fresh.union(*[await self._handle([incoming]) for incoming in todo])
                done.aside = [(todo[0], needed.needs)]
            except Exception as error:  # noqa: BLE001 - whatever it is, the others must not suffer
                if len(todo) > 1:
                    return fresh.union(*[await self._handle([incoming]) for incoming in todo])  # one of them is poison
                done.fresh, done.letters = await self._set_apart(todo[0], error)
            self._hand_over(done.letters)
            if self._interpreter:
                self._interpreter.wake()
            if done.erased:
                await self._store.scrub()
            fresh |= done.fresh
            todo = [incoming for incoming, _ in done.aside]
            if done.one_by_one and len(todo) > 1:
                for incoming in todo:  # in order, so that who came first is first
                    fresh |= await self._handle([incoming])
                return fresh
            for incoming, needs in done.aside:  # outside of any transaction; then they all have one of their own
                for need in (each for each in needs if each not in found):
                    searches[incoming.address] += 1
                    found[need] = await self._search(need, too_often=searches[incoming.address] > MOST_SEARCHES)
        return fresh

    async def _search(self, need: Need, *, too_often: bool) -> Found:
        """What is wrong with a search costs nobody more than its result: groups and their own words are offered all the same. Raises StoreAway."""
        nothing = Found(dict(need.memo)["words"], {})
        if too_often:  # somebody pastes a hundred lines: the others must not wait for that
            return nothing
        try:
            return await self._taxonomy.search(need)
        except StoreAway:
            raise
        except Exception:  # whatever it is, those behind it must not suffer
            log.exception("a search failed")
            return nothing

    async def _together(self, batch: Sequence[Incoming], found: LookedUp) -> _Done:
        done, held = _Done(), set[Address]()
        async with self._store.begin() as unit:
            fresh = await updates.first_sights(unit, [(each.source, each.key) for each in batch])
            once = {(each.source, each.key): each for each in batch}  # a batch may hold one twice
            todo = [each for key, each in once.items() if key in fresh]
            for poison in (each for each in todo if each.kind is Kind.POISON):
                await updates.set_apart(unit, Poison(poison.source, poison.key, poison.shape, poison.value))
            work = Work(unit, self._scripts, self._words, self._programme, self._languages, self._interpreter)
            heard = {each.address for each in todo if each.kind is not Kind.DUE}
            places = {each.address: self._guess(each) for each in reversed(todo) if each.address}
            await work.open(places, quietly=places.keys() - heard)
            for incoming in todo:
                if incoming.address in held:  # what follows in that chat waits with it
                    done.aside.append((incoming, ()))
                elif incoming.kind is Kind.DUE and incoming.value in SHARED and len(batch) > 1:
                    done.aside.append((incoming, ()))
                    done.one_by_one = True
                elif incoming.kind is Kind.DUE:
                    await self._act(work, incoming)
                elif incoming.address:
                    try:
                        await self._take(work, incoming, incoming.address, found, alone=len(batch) == 1)
                    except SetAside as needed:
                        if len(batch) == 1 or isinstance(needed, _Midway):
                            raise
                        held.add(incoming.address)
                        done.aside.append((incoming, needed.needs))
                        done.one_by_one |= not needed.needs
            await updates.take_back(unit, [(each.source, each.key) for each, _ in done.aside])
            done.letters = await work.make_true()
        done.fresh, done.erased = fresh - {(each.source, each.key) for each, _ in done.aside}, work.erased
        return done

    async def _begin(self, work: Work, chat: Chat) -> State:
        """Somebody new; in a chat that was used before, others of their family may still have a profile."""
        shared = chat.turn > 0 and await seats.are_taken(work.unit, chat.id)
        return State(chat.language, secrets.randbelow(1_000_000), shared=shared)

    async def _act(self, work: Work, incoming: Incoming) -> None:
        """What we do by ourselves; no turn is taken, nothing was heard."""
        if incoming.address is None:
            work.drafts += await CHORES[incoming.value](Desk(work.unit, work.scripts, work.words, work.programme), incoming.argument)
        elif chat := work.chats.get(incoming.address):
            if chat.state is None and chat.person_id is None:  # forgotten meanwhile, and made anew by our lock
                await work.note(chat, incoming.address)
            else:
                await work.act(chat, incoming)

    async def _take(self, work: Work, incoming: Incoming, address: Address, found: LookedUp, *, alone: bool) -> None:
        chat = await work.here(address, self._guess(incoming))
        match incoming.kind:
            case Kind.STATUS:
                await work.note(replace(chat, unreachable=None if incoming.value == "reachable" else incoming.value), address)
                return
            case Kind.FETCHED if chat.state is None:  # forgotten meanwhile, and made anew by our lock
                await work.note(chat, address)
                return
            case Kind.GROUP:
                if chat.state is None:
                    work.chats[address] = replace(chat, state={"told": True}, turn=chat.turn + 1)
                    work.say(work.chats[address], [pack(Message((Say("common.group"),)), private_chat=True)])
                return
        if chat.state is None and chat.turn == 0:
            chat = work.chats[address] = replace(chat, language=self._first_language(incoming))
        state = State.from_json(chat.state) if chat.state else await self._begin(work, chat)
        known = self._known(work, chat, state)
        heard: Heard = await self._hear(work, incoming, chat, state, known)
        self._log_refusals(chat, state, known, heard)
        state, better = self._listen(state, heard)
        turn = await self._turn(work, chat, state, known, heard, found)
        if _locks(turn) and not alone:
            raise SetAside
        work.answered, first = False, len(work.drafts)
        while await work.take(address, turn, incoming):
            chat = await work.here(address, chat.language)  # another person now, or nobody
            assert chat.state  # noqa: S101 - take() has just set it
            state = State.from_json(chat.state)
            try:
                turn = await self._turn(work, chat, state, self._known(work, chat, state), Resume(), found)
            except SetAside as needed:
                raise _Midway(needed.needs) from needed
            if _locks(turn) and not alone:
                raise _Midway
        await work.welcome_back(address, first)
        if better:
            work.offer(address, better, first)

    def _listen(self, state: State, heard: Heard) -> tuple[State, list[str]]:
        """Two messages in a row that are surely in another language that is offered: that one, or those (Persian may be Dari), once."""
        if not isinstance(heard, Text) or state.heard == "offered" or state.filling:
            return state, []
        guess, better = self._languages.offered(heard.text, self._words.languages, (state.language,))
        if not better or guess is None or guess.language == same(state.language):
            return replace(state, heard=""), []
        if guess.language != state.heard:
            return replace(state, heard=guess.language), []
        return replace(state, heard="offered"), better

    def _log_refusals(self, chat: Chat, state: State, known: Known, heard: Heard) -> None:
        """What only staff may, and somebody without the rank tried: a removed member's old buttons, a guess. Ids only."""
        rank = RANKS.index(known.facts["staff"])
        if isinstance(heard, Command) and (name := self._scripts.commands.get(heard.name)) and RANKS.index(self._scripts[name].staff) > rank:
            log.info("chat %s: /%s was refused, it is for staff", chat.id, Code(name))
        for frame in state.frames:
            if frame.dialog in self._scripts and RANKS.index(self._scripts[frame.dialog].staff) > rank:
                log.info("chat %s: the dialog %s was taken away, it is for staff", chat.id, Code(frame.dialog))

    async def _turn(self, work: Work, chat: Chat, state: State, known: Known, heard: Heard, found: LookedUp) -> Turn:
        """The pure engine; what it needs is looked up and the turn taken again. Raises SetAside."""
        looked_up = dict(found)
        turn = take_turn(self._scripts, state, known, heard, looked_up)
        while turn.needs:
            if slow := [need for need in turn.needs if is_slow(need)]:
                raise SetAside(slow)
            looked_up |= {need: await self._look_up(work, chat, state, need) for need in turn.needs}
            turn = take_turn(self._scripts, state, known, heard, looked_up)
        return turn

    async def _look_up(self, work: Work, chat: Chat, state: State, need: Need) -> Sequence[str] | Mapping[str, Fact] | Found:
        if need.source == TAXONOMY:
            return await self._taxonomy.look_up(work.unit, need)
        if need.source in LISTS:
            return await LISTS[need.source](work.context(chat, dict(need.memo)))
        return listed(need.source, state.language, self._words)

    async def _hear(self, work: Work, incoming: Incoming, chat: Chat, state: State, known: Known) -> Heard:
        """The engine's noun. A typed label counts as its button, against what was just offered."""
        match incoming.kind:
            case Kind.PRESS:
                return Press(incoming.prompt, incoming.value)
            case Kind.COMMAND:
                if incoming.value == "start" and (link := ONE_TIME.fullmatch(incoming.argument)):
                    return Command({"staff": "enter", "door": "claim"}[link[1]], link[2])
                if incoming.value == "start" and (link := EVENT_LINK.match(incoming.argument)):
                    if link[1] == "checkin" and not known.facts["staff"]:  # their own ticket: what it is for
                        return Command("mysignups")
                    return Command(link[1], link[2])
                if incoming.value == "start" and (form := self._form_of(incoming.argument)):
                    return Command(form)
                brought = self._programme.brought(incoming.argument) if incoming.value == "start" else {}
                return Command(incoming.value, incoming.argument, brought)
            case Kind.TEXT:
                table = offered(self._scripts, state, known)
                if isinstance(table, Need):
                    table = offered(self._scripts, state, known, {table: await self._look_up(work, chat, state, table)})
                if not isinstance(table, Message):
                    return Text(incoming.value)
                code = self._label(incoming.value, table, state.language)
                if code:
                    return Press(table.prompt, code)
                return Text(incoming.value, searched(incoming.value, table.options, state.language, self._words) if len(table.options) > LONG else ())
            case Kind.LOCATION:
                return Location(incoming.value)
            case Kind.CONTACT:
                return Contact(incoming.value, incoming.argument == "own")
            case Kind.FILE:
                return File(incoming.value, int(incoming.argument))
            case Kind.FETCHED:
                file, is_theirs = uuid4(), incoming.argument == str(chat.person_id)  # somebody else may speak in this chat by now
                work.fetched = {file: incoming.content}
                return Fetched(incoming.prompt if is_theirs else -1, str(file), incoming.value)
        return Unreadable(incoming.value)

    def _form_of(self, payload: str) -> str:
        """The command of the form that a link leads to, as in t.me/...?start=form_arrival_l-de."""
        wanted = re.sub(r"_[cl]-[a-z0-9-]*", "", payload)
        return wanted if self._scripts.commands.get(wanted, "") in self._scripts.open_forms else ""

    def _known(self, work: Work, chat: Chat, state: State) -> Known:
        person, organisation, staff = work.person(chat), work.organisation(chat), work.helper(chat)
        facts = {
            "channel": chat.channel,
            "webchat": self._words.constant("webchat"),
            "today": (now := work.unit.now.astimezone(self._programme.timezone)).date().isoformat(),
            "now": now.isoformat(timespec="milliseconds"),
            "forms": "yes" if self._scripts.open_forms else "",
            "home-country": self._programme.country,
            "staff": staff.rank if staff else "",
            "speaks-for": str(organisation.id) if organisation else "",
            "takes-files": "yes" if chat.channel in TAKE_FILES else "",
            "from-the-right": "yes" if is_right_to_left(state.language) else "",
            "profile": name_of(person, self._scripts) if state.shared and person else "",
        }
        if person is None:
            return Known(facts=facts)
        rows = {**person.answers, **(organisation.answers if organisation else {})}
        unsaid = "" if state.filling else BY_STAFF  # what somebody told staff they say themselves, as soon as they can
        consents = {row.purpose: Consent(0 if row.channel == unsaid else row.version, row.verdict == "given") for row in person.consents}
        return Known({question: answer_of(row) for question, row in rows.items()}, consents, facts)

    def _label(self, text: str, table: Message, language: str) -> str | None:
        """Their own language first; others only when they agree (Albanian `jo` is no, North German `jo` is yes)."""
        wanted = folded(text)
        if not wanted:
            return None
        numbered = [option.code for option in table.options if option.code[0] != "."]
        if wanted.isdecimal() and len(wanted) < 3 and 0 < int(wanted) <= len(numbered) <= LONG and any(option.detail for option in table.options):
            return numbered[int(wanted) - 1]  # entries stand in the message under numbers
        for languages in ((language,), self._words.languages):
            codes = {option.code for option in table.options for each in languages if folded(self._words.fact(option.label, each)) == wanted}
            if len(codes) == 1:
                return codes.pop()
        return None

    def _guess(self, incoming: Incoming) -> str:
        """The likeliest language of somebody new, without reading what they write: the link's, else the channel's, else the first one."""
        there = self._words.languages
        return closest(language_of(incoming.argument), there) or closest(incoming.language_hint, there) or there[0]

    def _first_language(self, incoming: Incoming) -> str:
        """The same, for somebody whose first message this is: else that of what they write, or its script. (A Belarusian telephone says enough:
        not Russian.)"""
        there = self._words.languages
        if incoming.kind is not Kind.TEXT or closest(language_of(incoming.argument), there) or closest(incoming.language_hint, there):
            return self._guess(incoming)
        if incoming.language_hint:
            related = script_of(own_name(incoming.language_hint)) == script_of(incoming.value)
            return (None if related else by_script(incoming.value, there)) or there[0]
        _, better = self._languages.offered(incoming.value, there)
        return next(iter(better), None) or by_script(incoming.value, there) or there[0]

    async def _set_apart(self, incoming: Incoming, error: Exception) -> tuple[set[Key], list[Letter]]:
        """One update that can't be taken in: into quarantine, and the person is asked to say it again. Raises StoreAway."""
        log.error("an update was set apart: kind %s", incoming.kind, exc_info=error)
        async with self._store.begin() as unit:
            fresh = await updates.first_sights(unit, [(incoming.source, incoming.key)])
            if not fresh:
                return fresh, []
            await updates.set_apart(unit, Poison(incoming.source, incoming.key, {"kind": incoming.kind.value}, type(error).__name__))
            if incoming.kind is Kind.DUE and incoming.value == EVENT:
                await events.postpone(unit, UUID(incoming.argument), unit.now + BROKEN)
            if not incoming.address or incoming.kind in {Kind.STATUS, Kind.GROUP, Kind.DUE, Kind.POISON}:
                return fresh, []
            # Without looking at the chat: it may be what is broken.
            draft = Draft(f"trouble.{uuid4()}", pack(Message((Say("common.trouble"),))), None, incoming.address, self._guess(incoming))
            return fresh, await outbox.enqueue(unit, [draft])


def _locks(turn: Turn) -> bool:
    """Does it lock what others want too?"""
    return any(effect.name in SHARED for effect in turn.effects)
