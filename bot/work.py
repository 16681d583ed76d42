"""What a batch changes, gathered, so that each table is written once: turns are made true here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

from bot.effects import ACTS, EFFECTS, ENGINES, NOT_MEANWHILE
from bot.effects.nouns import Context, Moved, Outcome, is_filling, private_questions, said
from bot.interpreter import Interpreter
from bot.languages import Languages
from bot.letters import pack
from bot.messages import Incoming
from bot.settings import Programme
from bot.sources import group_code
from dialogs.asking import FILE, code_of, told
from dialogs.model import FORM, KEPT, Scripts
from dialogs.nouns import (
    Answer,
    Decision,
    Effect,
    Message,
    Question,
    Say,
    State,
    Turn,
)
from storage import answers, calls, chats, erasure, files, notes, nudges, organisations, outbox, people, registrations, staff, translations
from storage.answers import ORGANISATIONS, PEOPLE, Owners
from storage.people import BY_STAFF
from storage.records import Address, AnswerRow, Chat, ConsentRow, Draft, KeptFile, Letter, Organisation, Person, Staff
from storage.store import Unit
from translations.words import Reader, Words

Changed = Mapping[UUID, Mapping[Question, AnswerRow | None]]  # owner -> what was answered (None: taken back)
Rows = Mapping[Question, AnswerRow]


@dataclass(slots=True)
class Work:
    """One batch, in one transaction."""

    unit: Unit
    scripts: Scripts
    words: Words
    programme: Programme
    languages: Languages
    interpreter: Interpreter | None = None
    chats: dict[Address, Chat] = field(default_factory=dict)
    people: dict[UUID, Person] = field(default_factory=dict)
    organisations: dict[UUID, Organisation] = field(default_factory=dict)
    staff: dict[UUID, Staff] = field(default_factory=dict)
    answers: dict[UUID, dict[Question, AnswerRow | None]] = field(default_factory=lambda: defaultdict(dict))  # of people
    told: dict[UUID, dict[Question, AnswerRow | None]] = field(default_factory=lambda: defaultdict(dict))  # of organisations
    decisions: list[tuple[UUID, ConsentRow]] = field(default_factory=list)
    begun: dict[int, UUID] = field(default_factory=dict)  # chat -> who became a person there
    finished: set[UUID] = field(default_factory=set)  # profiles
    unfinished: set[UUID] = field(default_factory=set)  # a consent was taken back: every facet is looked at anew
    fetched: dict[UUID, bytes] = field(default_factory=dict)  # a file that came with the update at hand
    files: dict[UUID, tuple[UUID, KeptFile]] = field(default_factory=dict)  # to be kept, and whose they are
    dropped: set[tuple[UUID, UUID]] = field(default_factory=set)  # (person, file): its answer changed
    drafts: list[Draft] = field(default_factory=list)
    answered: bool = False  # something, in the update at hand
    erased: bool = False  # something was, so the database's log must be emptied after the commit

    async def open(self, languages: dict[Address, str], quietly: Collection[Address] = ()) -> None:
        """Lock the chats, then their people, then the organisations that these speak for, each in sorted order. `quietly`:
        nothing was heard there, it is we who act."""
        if not languages:
            return
        self.chats |= await chats.lock(self.unit, languages, quietly)
        silent = {chat.person_id for where, chat in self.chats.items() if where in quietly and chat.person_id}
        fresh = {chat.person_id for chat in self.chats.values() if chat.person_id} - self.people.keys()
        self.people |= await people.lock(self.unit, fresh, silent)
        self.organisations |= await organisations.lock(
            self.unit, {chat.organisation_id for chat in self.chats.values() if chat.organisation_id} - self.organisations.keys()
        )
        self.staff |= await staff.get(self.unit, {chat.staff_id for chat in self.chats.values() if chat.staff_id} - self.staff.keys())

    def person(self, chat: Chat) -> Person | None:
        return self.people.get(chat.person_id) if chat.person_id else None

    def organisation(self, chat: Chat) -> Organisation | None:
        """For which they speak, if they still do."""
        there = self.organisations.get(chat.organisation_id) if chat.organisation_id else None
        return there if there and chat.person_id in there.members else None

    def helper(self, chat: Chat) -> Staff | None:
        """Who of the staff speaks here. While they write for somebody in the room nobody does: the phone goes from hand to hand."""
        return self.staff.get(chat.staff_id) if chat.staff_id and not is_filling(chat) else None

    def context(self, chat: Chat, memo: Mapping[str, str] | None = None, dialog: str = "") -> Context:
        who = (self.person(chat), self.organisation(chat), self.helper(chat))
        return Context(self.unit, chat, *who, self.scripts, self.words, self.programme, self.write, memo or {}, dialog, self.languages.of)

    async def here(self, address: Address, language: str) -> Chat:
        if address not in self.chats:  # erased a moment ago, in this batch
            await self.open({address: language})
        chat = self.chats[address]
        if chat.unreachable:
            chat = self.chats[address] = replace(chat, unreachable=None)  # who writes can be reached
        return chat

    async def note(self, chat: Chat, address: Address) -> None:
        """Whether somebody can be reached matters only if we know them: who was forgotten and blocks us stays forgotten."""
        if chat.state is None and chat.person_id is None:
            await erasure.of_chat(self.unit, self.chats.pop(address).id)
        else:
            self.chats[address] = chat

    async def take(self, address: Address, turn: Turn, incoming: Incoming) -> bool:
        """One turn: what it decided, what was answered, what is to be done, what is said. True: somebody else speaks in this
        chat now, or the script waits to hear how an effect went, so the conversation goes on from there."""
        before = self.chats[address]
        chat = replace(before, state=turn.state.to_json(), language=turn.state.language, turn=before.turn + 1, stands_at=turn.state.stands_at)
        for decision in turn.decided:
            chat = await self.decide(chat, decision)
        self.chats[address] = chat
        self.answer(chat, turn)
        said: list[Mapping[str, Any]] = [pack(message, replaces=incoming.message) for message in turn.said]
        for effect in turn.effects:
            person = self.person(chat)
            outcome = await self.carry_out(effect, chat)
            if outcome.person:
                self.people[outcome.person.id] = outcome.person
            if outcome.finished and person:
                self.finished.add(person.id)
            if outcome.forgotten:
                self.forgotten(outcome.forgotten)
            if outcome.changed:  # whoever of them comes next in this batch has these answers
                self.people |= await people.lock(self.unit, outcome.changed & self.people.keys(), outcome.changed)
                self.organisations |= await organisations.lock(self.unit, outcome.changed & self.organisations.keys())
            if outcome.handed_in and chat.person_id:
                self.erased = True  # so that the database's log does not keep them beside a name either
                for question in outcome.handed_in:
                    self.keep(chat.person_id, question, None)
            self.erased |= outcome.scrub
            self.part(outcome.parted, outcome.over)
            self.drafts += outcome.notices
            if outcome.erased:
                self.bid_farewell(chat, [*outcome.letters, *said])
                return False
            if outcome.moved:
                self.say(chat, outcome.letters)
                chat = self.chats[address] = outcome.moved.chat
                self.hear_of(effect, outcome, address)
                return await self.move(chat, person, outcome.moved)
            if outcome.originals:
                said = [{**content, "originals": True} for content in said]
            if effect.awaited:
                self.say(chat, [*said, *outcome.letters])
                self.hear_of(effect, outcome, address)
                return True
            said = [*outcome.letters, *said]
        self.say(chat, said)
        return False

    async def act(self, chat: Chat, incoming: Incoming) -> None:
        """An act of our own in somebody's chat. No turn is taken, so its letters are known by what the act is about."""
        outcome = await ACTS[incoming.value](self.context(chat, {"argument": incoming.argument}))
        if outcome.person:
            self.people[outcome.person.id] = outcome.person
        self.drafts += [Draft(f"{chat.id}.{incoming.key}.{number}", content, chat) for number, content in enumerate(outcome.letters)]
        self.drafts += outcome.notices

    async def welcome_back(self, address: Address, at: int) -> None:
        """Whoever was silent for too long is shown to others again when they come back; who looks no more, when they answer
        something. `at`: the place of this turn's first letter."""
        chat = self.chats.get(address)
        person = self.person(chat) if chat else None
        if chat is None or person is None or not person.paused_at or (nudges.NOT_LOOKING in person.quiet and not self.answered):
            return
        self.people[person.id] = await nudges.wake(self.unit, person)
        self.drafts.insert(at, Draft(f"{chat.id}.back.{uuid4()}", pack(Message((Say("still.back"),))), chat))

    def offer(self, address: Address, languages: Sequence[str], at: int) -> None:
        """Somebody writes in another language than they chose: in that one they are asked, once, whether to go on in it."""
        chat = self.chats.get(address)
        if chat is not None:
            actions = [("language", each, {"from": "languages", "code": each}) for each in (*languages, chat.language)]
            letter = {**pack(Message((Say("language.offer"),)), actions=actions), "in": languages[0]}
            self.drafts.insert(at, Draft(f"{chat.id}.offer.{uuid4()}", letter, chat))

    async def carry_out(self, effect: Effect, chat: Chat) -> Outcome:
        if effect.name in NOT_MEANWHILE and is_filling(chat):
            return said("fill.not-now", "refused")
        act = EFFECTS.get(effect.name) or ENGINES[effect.name]
        outcome = await act(self.context(chat, effect.memo, effect.dialog))
        if outcome.ranks:
            self.staff = {each: helper for each, helper in self.staff.items() if each not in outcome.ranks} | await staff.get(self.unit, outcome.ranks)
        return outcome

    def forgotten(self, person_id: UUID) -> None:
        """Somebody was erased, and their chat lives on: nothing of theirs may be said there any more."""
        self.erased = True
        self.people.pop(person_id, None)
        self.drafts = [draft for draft in self.drafts if not (draft.chat and draft.chat.person_id == person_id)]
        self.chats = {where: chat for where, chat in self.chats.items() if chat.person_id != person_id}

    def hear_of(self, effect: Effect, outcome: Outcome, address: Address) -> None:
        """The script learns how it went, if it asks."""
        chat = self.chats[address]
        if effect.awaited and chat.state:
            self.chats[address] = replace(chat, state=State.from_json(chat.state).after(effect.awaited, outcome.code).to_json())

    def part(self, parted: Collection[int], over: Collection[int]) -> None:
        """These chats are nobody's any more, or gone; one of them may have the next update of this batch."""
        self.drafts = [draft for draft in self.drafts if not (draft.chat and (draft.chat.id in parted or draft.chat.id in over))]
        self.chats = {
            where: replace(chat, person_id=None, organisation_id=None, staff_id=None, state=None) if chat.id in parted else chat
            for where, chat in self.chats.items()
            if chat.id not in over
        }

    async def move(self, chat: Chat, person: Person | None, moved: Moved) -> bool:
        """Somebody else speaks in the chat; what was answered here and not there comes along. Does the conversation go on?"""
        await chats.save(self.unit, [moved.chat])  # whoever asks the tables next in this batch must find whose it is
        self.organisations = await organisations.lock(self.unit, {*self.organisations, *([chat.organisation_id] if chat.organisation_id else ())})
        if chat.staff_id and chat.staff_id not in self.staff:
            self.staff |= await staff.get(self.unit, {chat.staff_id})
        if moved.person is None:
            return chat.state is not None
        self.people[moved.person.id] = moved.person
        if person and moved.absorbed:
            self.people.pop(person.id)
            self.erased = True
            allowed = _allowed(moved.person)
            # A file was erased with its owner, so it is asked for again.
            there = {_top(question) for question, _ in moved.person.answers}
            for question, row in person.answers.items():
                step = self.scripts.question(row.question)
                if step and step.ask != "file" and step.purpose in allowed and _top(row.question) not in there:
                    self.keep(moved.person.id, question, row)
        return True

    async def decide(self, chat: Chat, decision: Decision) -> Chat:
        """A person begins at their first yes; a refusal before that is nobody's, and leaves no trace."""
        if chat.person_id is None:
            if decision.verdict != "given":
                return chat
            person = await people.begin(self.unit)
            self.people[person.id] = person
            if not is_filling(chat):  # else what was asked here before is a member of staff's
                self.begun[chat.id] = person.id
            chat = replace(chat, person_id=person.id)
        assert chat.person_id  # noqa: S101 - set just above
        person = self.people[chat.person_id]
        fingerprint = self.words.fingerprint(decision.sentence, Reader.of(chat.language, chat.reading))
        row = ConsentRow(
            decision.purpose, decision.version, decision.verdict, fingerprint, chat.language, BY_STAFF if is_filling(chat) else chat.channel, self.unit.now
        )
        self.decisions.append((person.id, row))
        self.people[person.id] = replace(person, consents=(*person.consents, row))
        if decision.verdict == "withdrawn":
            self.forget(person, decision.purpose)
            await translations.erase(self.unit, person=person.id)
            if decision.purpose == registrations.PURPOSE:
                await self.write()
                await registrations.erase_of(self.unit, person.id)
                if mail := await chats.mail_of(self.unit, person.id):  # it is for letters about events alone
                    await chats.remove(self.unit, [mail.id])
            if self.hangs_on(decision.purpose):
                chat = await self.fall_silent(chat, person)
        return chat

    def hangs_on(self, purpose: str) -> bool:
        """Is it the consent without which nothing of them is kept? That for a form is for its answers alone, that for events for their registrations."""
        there = self.scripts.consents.get(purpose)
        return there is not None and bool(there[1].required) and self.scripts[there[0]].form is None and purpose != registrations.PURPOSE

    async def fall_silent(self, chat: Chat, person: Person) -> Chat:
        """Without the consent that everything hangs on they speak for no organisation any more, and no note about them stays."""
        await self.write()
        await notes.erase(self.unit, person.id)
        theirs = await organisations.of_person(self.unit, person.id)
        await organisations.leave(self.unit, person.id, theirs, private_questions(self.scripts))
        self.organisations = await organisations.lock(self.unit, self.organisations)
        self.chats = {where: replace(each, organisation_id=None) if each.person_id == person.id else each for where, each in self.chats.items()}
        return replace(chat, organisation_id=None)

    def forget(self, person: Person, purpose: str) -> None:
        """The answers that hung on a consent go with it, facets and all; so do those whose question the scripts no longer know."""
        self.erased = True
        if not purpose.startswith(FORM):
            self.unfinished.add(person.id)
            self.finished.discard(person.id)
        for question in person.answers:
            step = self.scripts.question(question[0])
            if step.purpose == purpose if step else _went_with(question[0], purpose):
                self.keep(person.id, question, None)

    def keep(self, person_id: UUID, question: Question, row: AnswerRow | None) -> None:
        """To be written, and known at once: the next update of this batch may be theirs."""
        self.answers[person_id][question] = row
        person = self.people[person_id]
        self.keep_file(person, question, row)
        answers = {**person.answers, question: row} if row else {key: each for key, each in person.answers.items() if key != question}
        self.people[person_id] = replace(person, answers=answers)

    def keep_file(self, person: Person, question: Question, row: AnswerRow | None) -> None:
        """A file goes with the answer that names it, and comes with it."""
        before, after = _named(person.answers.get(question)), _named(row)
        if before and before != after:
            self.erased = True
            self.dropped.add((person.id, before))
            self.files.pop(before, None)
        if after and after in self.fetched:
            self.files[after] = (person.id, KeptFile(after, *question, "photo", self.fetched.pop(after), self.unit.now))

    def keep_for(self, organisation: Organisation | None, question: Question, row: AnswerRow | None) -> None:
        """The same for an organisation."""
        if organisation is None:
            raise PermissionError("an answer came for no organisation")
        self.told[organisation.id][question] = row
        answers = {**organisation.answers, question: row} if row else {key: each for key, each in organisation.answers.items() if key != question}
        self.organisations[organisation.id] = replace(organisation, answers=answers)

    def answer(self, chat: Chat, turn: Turn) -> None:
        if not turn.answered:
            return
        person = self.people[chat.person_id] if chat.person_id else None
        allowed = _allowed(person) if person else set()
        self.answered = True
        for question, answer in turn.answered.items():
            step = self.scripts.question(question[0])
            if person is None or step is None or step.purpose not in allowed:  # the engine asks first; this is the second lock on that door
                raise PermissionError("an answer came without its consent")
            row = self.row(question, answer, chat) if answer else None
            if self.scripts[question[0].partition(".")[0]].of == "person":
                self.keep(person.id, question, row)
            else:
                self.keep_for(self.organisation(chat), question, row)

    def row(self, question: Question, answer: Answer, chat: Chat) -> AnswerRow:
        step = self.scripts.question(question[0])
        assert step  # noqa: S101 - answer() has looked
        code = code_of(step, answer)
        told_ = code is not None and (step.ask == "search" or not answer.words)
        label = self.words.fact(told(step, question[0], answer), chat.language) if told_ else ""
        content = {"value": answer.value, "words": answer.words, "label": label, **answer.about}
        dialog = self.scripts[question[0].partition(".")[0]]
        by = (chat.state or {}).get("filling", {}).get("by")
        given_by = f"staff:{by}" if by else str(chat.person_id) if dialog.of == "organisation" else "person"
        kept = {k: v for k, v in content.items() if v}
        return AnswerRow(*question, answer.kind, code, kept, chat.language, dialog.version, self.unit.now, given_by)

    def say(self, chat: Chat, contents: Sequence[Mapping[str, Any]]) -> None:
        told = [content for content in contents if any(not optional or self.words.exists(name) for name, _, optional, *_ in content["parts"])]
        self.drafts += [Draft(f"{chat.id}.{chat.turn}.{number}", content, chat) for number, content in enumerate(told)]

    def bid_farewell(self, chat: Chat, contents: Sequence[Mapping[str, Any]]) -> None:
        """The chat is gone; its last letter alone knows the way."""
        self.erased = True
        gone = Address(chat.channel, chat.address)
        person = chat.person_id
        self.drafts = [draft for draft in self.drafts if not (draft.chat and (draft.chat.id == chat.id or (person and draft.chat.person_id == person)))]
        self.drafts += [Draft(f"farewell.{uuid4()}", content, None, gone, chat.language) for content in contents]
        self.chats = {address: each for address, each in self.chats.items() if address != gone and not (person and each.person_id == person)}
        if person:
            self.people.pop(person, None)

    async def write(self) -> None:
        """Answers, decisions and what follows from them, one statement per table."""
        decisions, finished, unfinished = self.decisions, self.finished, self.unfinished
        given, told_, begun = self.answers, self.told, self.begun
        self.decisions, self.finished, self.unfinished, self.begun = [], set(), set(), {}
        kept, dropped = [*self.files.values()], self.dropped
        self.answers, self.told, self.files, self.dropped = defaultdict(dict), defaultdict(dict), {}, set()
        await people.decide(self.unit, decisions)
        await calls.claim(self.unit, begun)
        await people.unfinish(self.unit, unfinished)
        await people.finish(self.unit, finished)
        everything = {each: {*self.people[each].answers} for each in unfinished}
        await self.write_answers(PEOPLE, given, {each: person.answers for each, person in self.people.items()}, everything)
        await self.write_answers(ORGANISATIONS, told_, {each: organisation.answers for each, organisation in self.organisations.items()})
        await files.drop(self.unit, dropped)
        await files.keep(self.unit, kept)
        shared = {owner for owner, rows in given.items() if any(not question.startswith(FORM) for question, _ in rows)}  # no form feeds the shared database
        await people.changed(self.unit, {*shared, *finished, *(person_id for person_id, row in decisions if not row.purpose.startswith(FORM))})
        await organisations.changed(self.unit, told_)

    async def write_answers(self, owners: Owners, changed: Changed, now: Mapping[UUID, Rows], also: Mapping[UUID, set[Question]] | None = None) -> None:
        """`also`: questions whose facets are looked at anew, beside those that were answered."""
        await answers.save(self.unit, owners, {owner: [row for row in rows.values() if row] for owner, rows in changed.items()})
        await answers.drop(self.unit, owners, [(owner, *question) for owner, rows in changed.items() for question, row in rows.items() if row is None])
        looked_at = {owner: {*rows} for owner, rows in changed.items() if rows} | dict(also or {})
        await answers.set_facets(self.unit, owners, self.facets(looked_at, now))

    def facets(self, looked_at: Mapping[UUID, set[Question]], now: Mapping[UUID, Rows]) -> dict[tuple[UUID, str], list[str]]:
        """Every facet that one of these questions feeds, with all of its values."""
        facets: dict[tuple[UUID, str], list[str]] = {}
        for owner, questions in looked_at.items():
            names = {step.facet for question, _ in questions if (step := self.scripts.question(question)) and step.facet}
            facets |= {(owner, name): [] for name in names}
            for row in now[owner].values():
                step = self.scripts.question(row.question)
                if step and step.facet in names and row.code:
                    facets[owner, str(step.facet)] += row.code.split()
                    if group := str(row.content.get("isco", ""))[:2]:  # an audience may be everybody of a group
                        facets[owner, str(step.facet)].append(group_code(group))
        return facets

    async def make_true(self) -> list[Letter]:
        await self.write()
        await chats.save(self.unit, self.chats.values())
        if self.erased:
            told_ = await calls.still_told(self.unit, [draft.key for draft in self.drafts])
            self.drafts = [draft for draft in self.drafts if draft.key in told_]
        drafts = await self.interpreter.prepare(self.unit, self.drafts) if self.interpreter else self.drafts
        return await outbox.enqueue(self.unit, drafts)


def _allowed(person: Person) -> set[str]:
    """Purposes whose newest decision is a yes."""
    newest = {row.purpose: row.verdict for row in person.consents}
    return {purpose for purpose, verdict in newest.items() if verdict == "given"}


def _went_with(question: str, purpose: str) -> bool:
    """An answer whose question the scripts no longer know: of a form, it hung on that form's consent."""
    form = question.partition(".")[0]
    return purpose in {form, f"{form}{KEPT}"} if form.startswith(FORM) else not purpose.startswith(FORM)


def _named(row: AnswerRow | None) -> UUID | None:
    """The file that an answer is."""
    value = str(row.content.get("value", "")) if row else ""
    return UUID(value) if FILE.fullmatch(value) else None


def _top(question: str) -> str:
    """The question that it belongs to: `newcomer.languages` of `newcomer.languages.level`."""
    return ".".join(question.split(".")[:2])
