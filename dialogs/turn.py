"""One turn of a conversation: a pure function. No clock, no database, no await; it can be tested by reading it aloud.

Where to go next is never stored, it follows: the next question is the first one of the dialog that is not settled yet.
So a script may change under a person, a loop may break and years may pass: what is answered stays, only what is new is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Literal

from dialogs.asking import (
    AGAIN,
    ALL,
    BACK,
    BLANK,
    CLOSE,
    DECLINE,
    DONE,
    EARLIER,
    ENOUGH,
    GROUPS,
    KEEP,
    LATER,
    LONG,
    MORE,
    MOST_ROUNDS,
    NONE_OFFERED,
    OTHER,
    OWN_WORDS,
    SKIP,
    UNKNOWN,
    Asking,
    LookedUp,
    Missing,
    Place,
    Rounds,
    Spot,
    in_round,
    megabytes,
    short,
    told,
)
from dialogs.kinds import Fault, example_number, understand
from dialogs.model import SEVERAL, TYPED, Dialog, Scripts, Step
from dialogs.nouns import (
    Answer,
    Command,
    Consent,
    Contact,
    Decision,
    Effect,
    Fetched,
    File,
    Found,
    Frame,
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

FURTHEST = 200  # steps that one turn may walk before we call it a circle of `goto`
FURTHEST_IN_FORM = 2_000  # where hundreds of questions may have nothing to choose from
FILE_FAULTS = {"not-a-photo": "common.not-a-photo", "too-big": "common.photo-too-big", "broken": "common.photo-broken", "gone": "common.photo-gone"}
NOT_POSSIBLE = dict.fromkeys(("number", "integer", "decimal"), "common.not-possible")
BY_NAME = {"skip": SKIP, "back": BACK, "done": DONE}  # commands that press the button of that name


def take_turn(scripts: Scripts, state: State, known: Known, heard: Heard, looked_up: LookedUp | None = None) -> Turn:
    """What follows when a person in `state`, of whom we know `known`, does `heard`. Raises nothing that `heard` could cause."""
    walk = _Walk(scripts, state, known, looked_up or {})
    try:
        walk.hear(heard)
    except Missing as missing:
        return Turn(state, needs=(missing.need,))
    return walk.turn()


def offered(scripts: Scripts, state: State, known: Known, looked_up: LookedUp | None = None) -> Message | Need | None:
    """The options that stand on the table (of a long list: all of them), so that a typed label can be recognised; None at a
    question that is typed. A need: look it up, and ask again."""
    table = Asking(scripts, state, known, looked_up or {})
    if not table.frames:
        return None
    place = table.top
    step = table.pending(place)
    if step is None or place.prompt == 0 or step.ask in TYPED or (step.ask == "search" and not place.offered):
        return None
    try:
        return Message((), (*table.choosable(place, step, every=True), *table.navigation(place, step)), place.prompt)
    except Missing as missing:
        return missing.need


class _Walk(Asking):
    """The engine at work: everything it changes is its own copy."""

    def __init__(self, scripts: Scripts, state: State, known: Known, looked_up: LookedUp) -> None:
        super().__init__(scripts, state, known, looked_up)
        self.parts: list[Say] = []
        self.question: Message | None = None
        self.picture = ""  # of what was said on the way
        self.decided: list[Decision] = []
        self.effects: list[Effect] = []
        self.halted = False  # nothing follows, or what follows hangs on an effect
        self.contact_offered = self.asks_for_phone()

    def turn(self) -> Turn:
        self.recalculate()
        frames = tuple(place.frozen() for place in self.frames)
        state = replace(
            self.state, language=self.language, prompts=self.prompts, passed=tuple(self.passed), brought=self.brought, frames=frames, reading=self.reading
        )
        message = self.question or Message(())
        now = self.asks_for_phone()
        contact: Literal["", "offered", "over"] = "" if now is self.contact_offered else "offered" if now else "over"
        said = replace(message, parts=(*self.parts, *message.parts), contact=contact, picture=message.picture or self.picture)
        return Turn(state, (said,) if said.parts else (), self.answers.changed, tuple(self.decided), tuple(self.effects))

    def recalculate(self) -> None:
        """What is calculated and kept follows the answers that changed, over as many steps as it takes."""
        changed = {question for question, _ in self.answers.changed}
        for _ in self.scripts.calculated:
            hit = [(dialog, step) for dialog, step in self.scripts.calculated if self.is_touched(dialog, step, changed)]
            changed = {dialog.names[step.id] for dialog, step in hit if self.keep_calculated(self.place_of(dialog), step)}

    def is_touched(self, dialog: Dialog, step: Step, changed: AbstractSet[str]) -> bool:
        """A form's `once(now())` hangs on no question: it is worked out when anything of the form is answered."""
        if dialog.form:
            return any(name.startswith(f"{dialog.dialog}.") for name in changed)
        return bool(changed & {name if "." in name else dialog.names.get(name, name) for name in step.depends_on})

    def place_of(self, dialog: Dialog) -> Place:
        """Where it is under way, or as if it began."""
        return next((place for place in self.frames if place.dialog is dialog), None) or Place.of(Frame(dialog.dialog), dialog)

    def keep_calculated(self, place: Place, step: Step) -> bool:
        """Did it change?"""
        if self.speaks_for_nobody(place) or not self.allowed(str(step.purpose)):
            return False
        changed = [self.keep_in_round(place, step, rounds) for rounds in self.rounds_seen(place, step, step, ())]
        return any(changed)

    def keep_in_round(self, place: Place, step: Step, rounds: Rounds) -> bool:
        question, before = (self.id(place, step), in_round(rounds)), self.kept(place, step, rounds)
        value = self.calculated(place, step, rounds)
        after = Answer("given", value) if value else None
        if after:
            self.answers.put(question, after)
        else:
            self.answers.drop(question)
        return before != after

    # ---- hearing ----

    def hear(self, heard: Heard) -> None:
        first = not self.frames
        if first:
            self.open("menu" if self.state.frames else "welcome")  # the menu: their dialog was taken out of the scripts
        brought = {**self.brought, **(heard.brought if isinstance(heard, Command) else {})}
        self.brought = {question: value for question, value in brought.items() if (question, "") not in self.answers.now}
        withdrawn = self.is_withdrawn()
        if withdrawn:
            self.top.turn_to()
        overtaken = not withdrawn and self.is_overtaken(resumed=isinstance(heard, Resume))
        if overtaken:
            self.top.turn_to()
        match heard:
            case Command(name, argument) if self.opens(name):
                self.command(self.scripts.commands[name], argument)
            case _ if first or isinstance(heard, Resume):
                self.go_on()
            case Press() | Text() | Contact() | Location() | File() | Fetched() if withdrawn:  # no answer without its consent, whenever that was taken back
                self.go_on()
            case Press() | Text() | Contact() | Location() | File() if overtaken:  # it was meant for a question that has its answer by now
                self.again("common.meanwhile")
            case Command("start"):
                self.again("common.welcome-back")
            case Command(name) if name in BY_NAME and self.takes(BY_NAME[name]):
                self.choose(BY_NAME[name])
            case Command(name) if name in BY_NAME or name == "menu":
                self.refuse_navigation(name)
            case Command():
                self.again("common.unknown-command")
            case Press(prompt, code):
                if prompt == self.top.prompt and self.takes(code):
                    self.choose(code)
                else:
                    self.again("common.old-button")
            case Text(text, found):
                self.type(text, found)
            case Contact():
                self.take_contact(heard)
            case Location():
                self.take_location(heard)
            case File():
                self.take_file(heard)
            case Fetched():
                self.take_fetched(heard)
            case Unreadable(kind) if kind != "edited" and self.asks_for_file():
                self.refuse_file("not-a-photo")
            case _:
                self.again("common.edited" if heard.kind == "edited" else "common.unreadable")

    def is_withdrawn(self) -> bool:
        """Was the consent for the pending question taken back, in another chat of theirs? Or do they speak for nobody any more?"""
        step = self.pending(self.top)
        if step is not None and step.purpose and self.speaks_for_nobody(self.top):
            return True
        return step is not None and step.ask != "consent" and step.purpose is not None and not self.consents.get(step.purpose, Consent(0, given=False)).given

    def is_overtaken(self, *, resumed: bool) -> bool:
        """Was the pending question answered in another chat of theirs meanwhile?"""
        place = self.top
        step = self.pending(place) if (place.prompt or resumed) and not place.anew else None
        return step is not None and step.ask != "consent" and self.has_answer(place, step)

    def opens(self, command: str) -> bool:
        """Does it open a dialog that this person may have?"""
        dialog = self.scripts.commands.get(command)
        return dialog is not None and self.may(self.scripts[dialog]) and not (command == "menu" and self.is_unwelcomed())

    def command(self, dialog: str, argument: str) -> None:
        """What follows a command on its line answers the first question, if that is typed, sets the language, or says so (`/person
        1234`, `/language de`, `/quiet half-way`); it never confirms anything (`/forget yes`)."""
        asks = self.scripts[dialog].takes
        if (argument and asks) or self.scripts[dialog].afresh:
            self.frames = [place for place in self.frames if place.dialog.dialog != dialog]  # anew
        if self.scripts[dialog].for_guests and self.is_unwelcomed():  # who comes for it by a link is told first who we are, and not asked about themselves
            if all(place.dialog.dialog != dialog for place in self.frames):
                memo = {asks.id: argument} if argument and asks else {}
                self.frames.insert(0, Place.of(Frame(dialog, memo=memo), self.scripts[dialog]))
            return self.go_on()
        self.open(dialog)
        self.go_on()
        place = self.top
        step = self.pending(place)
        if argument and step and step is asks and place.dialog.dialog == dialog and (step.ask in TYPED or argument in place.offered):
            self.parts, self.question = [], None
            self.type(argument, ()) if step.ask in TYPED else self.choose(argument)
        return None

    def is_unwelcomed(self) -> bool:
        """Still before "who we are, and which language": the menu comes after that."""
        return any(place.dialog.dialog == "welcome" for place in self.frames)

    def again(self, *sentences: str) -> None:
        """Say something, and the pending question again."""
        self.parts += [Say(sentence) for sentence in sentences]
        self.go_on()

    def type(self, text: str, found: tuple[str, ...]) -> None:
        place = self.top
        step = self.pending(place)
        if step is None or place.prompt == 0:
            self.go_on()
        elif step.ask == "search":
            self.search_for(place, step, text)
        elif len(place.offered) > LONG and (there := self.found_in(place, found)):
            place.found, place.page = there, 0
            self.go_on()
        elif step.ask in TYPED or (step.other and step.ask == "choice"):
            self.weigh(place, step, understand(step, text, self.here(), insisted=place.warned))
        elif len(place.offered) > LONG:
            self.again("common.none-found")
        elif step.ask == "file":
            self.refuse_file("not-a-photo") if self.asks_for_file() else self.go_on()
        else:
            self.again("common.press-a-button")

    def search_for(self, place: Place, step: Step, text: str) -> None:
        """What they can do, in their words: the closest entries are offered, of several one after the other."""
        answer = understand(step, text, self.here(), insisted=place.warned)
        if isinstance(answer, Fault):
            return self.weigh(place, step, answer)
        several = {"several": "yes"} if self.inside(place) else {}
        found = self.searched(step, words=answer.value, **several)
        self.offer(place, replace(found, words="") if step.words_of else found)
        place.warned = False  # it was about this text; the next one is looked at anew
        place.waiting[step.id] = list(dict.fromkeys([*found.rest, *place.waiting.get(step.id, ())]))  # a mistake mended comes with the same rest
        self.prompts += 1  # the buttons of before were for other words
        place.prompt = self.prompts
        return self.go_on()

    def offer(self, place: Place, found: Found) -> None:
        place.words, place.offered, place.about, place.page, place.found = found.words, tuple(found.entries), found.entries, 0, ()

    def found_in(self, place: Place, found: tuple[str, ...]) -> tuple[str, ...]:
        """What was found, named as buttons name it."""
        codes = {short(code): code for code in place.offered} if found else {}
        return tuple(codes[each] for each in found if each in codes)

    def weigh(self, place: Place, step: Step, answer: Answer | Fault) -> None:
        if isinstance(answer, Fault):
            place.warned = answer.sentence == "common.looks-private"
            self.parts.append(Say(answer.sentence, answer.facts))
            self.go_on()
        elif answer.kind == "given" and not self.fits(place, step, place.rounds, answer.value):
            self.parts.append(
                Say(self.id(place, step) + ".wrong", self.facts_of(place, step)) if step.wrong else Say(NOT_POSSIBLE.get(str(step.ask), "common.not-accepted"))
            )
            self.go_on()
        else:
            self.settle(place, step, answer)

    def refuse_navigation(self, name: str) -> None:
        place, step = self.top, self.pending(self.top)
        if name != "skip" or step is None or not step.is_question or step.steps or not self.is_required(place, step, place.rounds):
            return self.again("common.press-a-button")
        self.parts.append(Say(self.id(place, step) + ".needed", self.facts_of(place, step)) if step.needed else Say("common.needed"))
        return self.go_on()

    def take_location(self, location: Location) -> None:
        """Dropped, unless it was asked for (TRUST.md, privacy 6)."""
        step = self.pending(self.top) if self.top.prompt else None
        if step and step.ask == "place":
            self.type(location.point, ())
        else:
            self.again("common.unreadable")

    def take_contact(self, contact: Contact) -> None:
        """Only where a phone number was asked for, and only their own (TRUST.md, 11): a friend's number is not theirs to give."""
        if not self.asks_for_phone():
            self.contact_offered = True  # whatever offered it has to go
            self.again("common.contact-not-asked")
        elif not contact.own:
            self.parts.append(Say("common.not-your-number", {"example": example_number(self.here().country)}))
            self.go_on()
        else:
            self.type(contact.number, ())

    def asks_for_file(self) -> Step | None:
        step = self.pending(self.top) if self.top.prompt and self.facts.get("takes-files") else None
        return step if step and step.ask == "file" else None

    def take_file(self, file: File) -> None:
        """Fetched only where it was asked for (TRUST.md, privacy 6); the answer comes with `Fetched`."""
        step = self.asks_for_file()
        if step is None:
            self.again("common.unreadable")
        elif file.size > step.most_bytes:
            self.refuse_file("too-big")
        else:
            self.effects.append(Effect("fetch-file", {"file": file.reference, "prompt": str(self.top.prompt), "most": str(step.most_bytes)}))

    def take_fetched(self, fetched: Fetched) -> None:
        step = self.asks_for_file()
        if step is None or fetched.prompt != self.top.prompt:
            self.again("common.photo-late")  # they skipped it meanwhile, or sent several
        elif fetched.fault:
            self.refuse_file(fetched.fault)
        else:
            self.parts.append(Say("common.photo-kept"))
            self.settle(self.top, step, Answer("given", fetched.file))

    def refuse_file(self, fault: str) -> None:
        step = self.asks_for_file()
        assert step  # noqa: S101 - whoever calls has looked
        self.parts.append(Say(FILE_FAULTS[fault], megabytes(step)))
        self.go_on()

    # ---- choosing ----

    def choose(self, code: str) -> None:
        place = self.top
        step = self.pending(place)
        if step is None:
            return self.go_on()
        navigate = _NAVIGATION.get(code)
        if navigate:
            navigate(self, place, step)
        else:
            _CHOICES[str(step.ask)](self, place, step, self.code_of_button(place, code))
        return None

    def skip(self, place: Place, step: Step) -> None:
        self.pass_over(place, step, Answer("skipped"))

    def decline(self, place: Place, step: Step) -> None:
        self.pass_over(place, step, Answer("declined"))

    def know_not(self, place: Place, step: Step) -> None:
        self.pass_over(place, step, Answer("unknown"))

    def turn_page(self, place: Place, by: int) -> None:
        place.page += by
        self.go_on()
        assert self.question  # noqa: S101 - the pending question, another page of it
        self.question = replace(self.question, edits=True)

    def nothing(self, place: Place, _step: Step) -> None:
        self.turn_page(place, 0)

    def earlier(self, place: Place, _step: Step) -> None:
        self.turn_page(place, -1)

    def later(self, place: Place, _step: Step) -> None:
        self.turn_page(place, 1)

    def none_of_these(self, place: Place, step: Step) -> None:
        """Their own words are kept, for staff to find their entry (`/uncoded`)."""
        self.weigh(place, step, Answer("given", OWN_WORDS, place.words))

    def show_groups(self, place: Place, step: Step) -> None:
        self.offer(place, replace(self.searched(step, under=""), words=place.words))
        self.turn_page(place, 0)

    def take_entry(self, place: Place, step: Step, code: str) -> None:
        about = dict(place.about.get(code, {}))
        if about.get("opens"):
            self.offer(place, replace(self.searched(step, under=about["isco"]), words=place.words))
            return self.turn_page(place, 0)
        return self.weigh(place, step, Answer("given", code, place.words, about))

    def show_all(self, place: Place, _step: Step) -> None:
        place.found = ()
        self.turn_page(place, -place.page)

    def pass_over(self, place: Place, step: Step, answer: Answer) -> None:
        """A group that begins unasked is passed over with its first question."""
        group = self.inside(place)
        if group and group.least and not group.count and step is group.steps[0]:
            waiting = place.waiting.pop(step.id, ())
            if waiting and answer.kind == "skipped":  # not this one; but they wrote more
                self.drop_round(place, group.steps)
                place.waiting[step.id] = waiting
                place.turn_to()
                return self.go_on()
            if place.rounds[-1] > 1:
                self.drop_round(place, group.steps)
                return self.enough(place, group)
            self.clear(place, group, place.rounds[:-1])
            self.answers.put((self.id(place, group), in_round(place.rounds[:-1])), answer)
            place.turn_to()
            return self.go_on()
        return self.settle(place, step, answer)

    def inside(self, place: Place) -> Step | None:
        """The innermost group around the pending question."""
        around = place.dialog.groups.get(place.at, ())
        return around[-1] if around else None

    def keep(self, place: Place, step: Step) -> None:
        if value := self.suggested(place, step):
            return self.weigh(place, step, Answer("given", value))
        place.turn_to()
        return self.go_on()

    def close(self, place: Place, _step: Step) -> None:
        self.frames.remove(place)
        if place.dialog.dialog == "organisation":  # or it would be asked again at once
            self.frames = [each for each in self.frames if not self.speaks_for_nobody(each)]
        self.go_on()

    def tell_more(self, place: Place, step: Step) -> None:
        self.again(self.id(place, step) + ".more")

    def done(self, place: Place, step: Step) -> None:
        if step.ask == "rank" and len(place.picked) < len(place.offered):
            self.again("common.rank-all")
        elif place.picked or not step.least:
            self.weigh(place, step, Answer("given", " ".join(place.picked)))
        else:
            self.again("common.pick-one")

    def one_more(self, place: Place, step: Step) -> None:
        around, last = place.rounds[:-1], place.rounds[-1]
        place.begun[f"{step.id} {in_round(around)}"] = last + 1
        self.answers.stir()
        place.turn_to()
        self.go_on()

    def enough(self, place: Place, step: Step) -> None:
        around = place.rounds[:-1]
        place.begun.pop(f"{step.id} {in_round(around)}", None)
        place.waiting.pop(step.steps[0].id, None)
        self.answers.put((self.id(place, step), in_round(around)), Answer("given", str(self.answers.last_round(self.id(place, step), around))))
        place.turn_to()
        self.go_on()

    def back(self, place: Place, _step: Step) -> None:
        group, around = self.inside(place), place.rounds[:-1]
        if group and self.is_blank_round(place):
            last = place.rounds[-1] - 1  # the round was begun by mistake
            if place.words:  # or for what else they wrote: there again, if they want one more
                place.waiting[place.at] = [place.words, *place.waiting.get(place.at, ())]
            place.begun.pop(f"{group.id} {in_round(around)}")
            self.answers.stir()
            place.turn_to((group, (*around, last)))
        elif before := self.before(place):
            self.turn_back(place, before)
        self.go_on()

    def turn_back(self, place: Place, spot: Spot) -> None:
        step, rounds = spot
        if step.steps:  # a finished group that is looked at again is open again
            self.answers.drop((self.id(place, step), in_round(rounds[:-1])))
            last = self.last_round(place, step, rounds[:-1])
            spot = (step, (*rounds[:-1], last))
        place.turn_to(spot)
        if place.dialog.form:
            self.take_back_last_word(place)

    def toggle(self, place: Place, step: Step, code: str) -> None:
        if code == DONE:
            return self.done(place, step)
        if step.ask == "rank":
            place.picked = tuple(each for each in place.picked if each != code) if code in place.picked else (*place.picked, code)
        else:
            picked = set(place.picked) ^ {code}
            place.picked = tuple(each for each in place.offered if each in picked)  # in the order offered, however they were pressed
        self.ask(place, step)
        assert self.question  # noqa: S101 - ask() has just made it
        self.question = replace(self.question, edits=True)
        return None

    def take(self, place: Place, step: Step, code: str) -> None:
        self.weigh(place, step, Answer("given", code))

    def take_day(self, place: Place, step: Step, code: str) -> None:
        answer = understand(step, code[1:], self.here())
        self.weigh(place, step, replace(answer, words="") if isinstance(answer, Answer) else answer)

    def decide(self, place: Place, step: Step, code: str) -> None:
        purpose = str(step.purpose)
        had = self.consents.get(purpose, Consent(0, given=False)).given
        verdict: Literal["given", "refused", "withdrawn"] = "given" if code == "yes" else "withdrawn" if had else "refused"
        self.decided.append(Decision(purpose, step.version, verdict, self.id(place, step)))
        self.consents[purpose] = Consent(step.version, verdict == "given")
        self.parts.append(Say(f"{self.id(place, step)}.after-{code}", optional=True))
        place.turn_to()
        if verdict != "given":
            self.forget(purpose, place)
            if step.required:
                self.frames.remove(place)
        self.go_on()

    def pass_gate(self, place: Place, step: Step, code: str) -> None:
        if not step.gate:
            return self.take(place, step, code)
        place.turn_to()
        if code == "yes":
            self.passed.append(step.gate_of(self.id(place, step)))
            for other in self.frames:  # whoever was about to ask the same need not
                if (pending := self.pending(other)) and pending.gate and self.settled(other, pending):
                    other.turn_to()
        else:
            self.brought.clear()  # nothing that a link said of somebody too young is kept
            self.parts.append(Say(f"{self.id(place, step)}.after-no"))
            self.frames.remove(place)
        return self.go_on()

    def withdraw(self, place: Place, step: Step, code: str) -> None:
        given = [purpose for purpose, consent in self.consents.items() if consent.given]
        for purpose in given if code == "everything" else [code]:
            self.decided.append(Decision(purpose, self.consents[purpose].version, "withdrawn", self.id(place, step)))
            self.consents[purpose] = Consent(self.consents[purpose].version, given=False)
            self.forget(purpose, place)
        self.settle(place, step, Answer("given", code))

    def forget(self, purpose: str, place: Place) -> None:
        """Without the consent its dialogs and answers go; the store does the same in the same commit."""
        self.frames = [each for each in self.frames if each is place or purpose not in each.dialog.purposes]
        for question in list(self.answers.now):
            step = self.scripts.question(question[0])
            if step and step.purpose == purpose:
                self.answers.now.pop(question)
        self.brought = {name: value for name, value in self.brought.items() if (step := self.scripts.question(name)) and step.purpose != purpose}

    def open_chosen(self, place: Place, _step: Step, code: str) -> None:
        if code not in self.scripts or not self.may(self.scripts[code]):  # it was there when the list was made
            place.turn_to()
            return self.again("common.old-button")
        self.frames.remove(place)
        self.open(code)
        return self.go_on()

    def change(self, place: Place, step: Step, code: str) -> None:
        if code == DONE:
            place.done.append(step.id)
            place.turn_to()
            self.drop_what_no_longer_applies(place)
        elif code in place.dialog.by_id:
            self.look_at(place, code)
        else:  # a newer version has it no more
            place.turn_to()
            self.parts.append(Say("common.old-button"))
        self.go_on()

    def look_at(self, place: Place, name: str) -> None:
        """Turn to a question, whether it has its answer or not."""
        step = place.dialog.by_id[name]
        if step.count:
            place.turn_to()
            place.looking, place.looked_at = step.id, ""
        elif step.steps:
            place.turn_to()
            self.answers.drop((self.id(place, step), ""))  # a finished group that is looked at again is open again
        else:
            place.turn_to((step, ()))

    def drop_what_no_longer_applies(self, place: Place) -> None:
        """The summary did not show it, and was confirmed."""
        for question in place.dialog.questions:
            if not self.applies(place, question):
                self.clear(place, question)

    def settle(self, place: Place, step: Step, answer: Answer) -> None:
        """The pending question has its answer; on to whatever is open."""
        group = self.inside(place)
        if group and not place.dialog.form and step is group.steps[0] and not is_same(answer, self.answered(place, step)):
            self.drop_round(place, group.steps[1:])  # another language, another level
        if step.purpose:
            self.answers.put((self.id(place, step), in_round(place.rounds)), answer)
        else:
            place.memo[step.id] = answer.value
            place.memo.update({f"{step.id}.{name}": value for name, value in answer.about.items()})
            if step.other and answer.words:
                place.memo[f"{step.id}.words"] = answer.words  # apart from the codes: whoever types "phone" has not pressed it
        if step.sets == "language" and answer.kind == "given":
            self.set_language(answer.value)
        elif step.sets:
            self.reading = {**self.reading, step.sets: answer.value}
        place.turn_to()
        self.go_on()

    def set_language(self, language: str) -> None:
        """From now on; whoever else was about to ask for it (the welcome) need not."""
        self.language = language
        for place in self.frames:
            for step in place.dialog.steps:
                if step.sets == "language" and place is not self.top:
                    place.memo[step.id] = language
                    place.turn_to()

    def drop_round(self, place: Place, steps: Sequence[Step]) -> None:
        """What was answered in the pending round, and in the groups inside it."""
        for inner in steps:
            self.clear(place, inner, place.rounds)

    def clear(self, place: Place, group: Step, around: Rounds = ()) -> None:
        """A question, or a group with all that is in it; only in these rounds of the groups around it."""
        prefix, inside = self.id(place, group), in_round(around)
        for question in [each for each in self.answers.now if each[0] == prefix or each[0].startswith(prefix + ".")]:
            if not inside or question[1] == inside or question[1].startswith(inside + "."):
                self.answers.drop(question)

    # ---- going on ----

    def open(self, name: str) -> None:
        """On top; a dialog that is under way already comes up again as it stands."""
        under_way = next((place for place in self.frames if place.dialog.dialog == name), None)
        if under_way:
            self.frames.remove(under_way)
        self.frames.append(under_way or Place.of(Frame(name), self.scripts[name]))

    def go_on(self) -> None:
        """Walk until something is asked, or the conversation ends."""
        for _ in range(FURTHEST if not (self.frames and self.top.dialog.form) else FURTHEST_IN_FORM):
            if self.halted:
                return
            if not self.frames:
                self.open("menu")
            place = self.top
            step = self.pending(place) or self.next(place)
            if self.halted or not self.frames or place is not self.top:
                continue  # a `goto` or an end on the way
            if step is None:
                self.frames.pop()
            elif step.purpose and step.ask != "consent" and not self.allowed(step.purpose):
                self.open(self.scripts.consents[step.purpose][0])
                self.top.turn_to()  # whatever was pending there: first things first
            elif step.is_question and self.speaks_for_nobody(place):
                place.turn_to()  # it may have its answer already, from a colleague
                self.open("organisation")  # whose answers would these be?
            elif not self.take_brought(place, step) and self.ask(place, step):
                return
        raise RecursionError(f"the dialog {self.top.dialog.dialog} walks in a circle")

    def take_brought(self, place: Place, step: Step) -> bool:
        """An answer that came with a link counts as soon as it may be kept."""
        value = self.brought.pop(self.id(place, step), None)
        if value is None or (step.ask == "choice" and value not in step.choices):
            return False
        name, answer = self.id(place, step), Answer("given", value)
        self.answers.put((name, ""), answer)
        self.parts.append(Say(name + ".brought", {"answer": told(step, name, answer)}, optional=True))
        place.turn_to()
        return True

    def next(self, place: Place) -> Step | None:
        """The first step that is not settled; what is only said or done on the way is said and done."""
        self.prepare(place)
        spot = self.next_to_look_at(place) or self.first_open(place, place.dialog.steps, ())
        if spot:
            place.turn_to(spot)
            if place.dialog.form and spot[0].is_question:
                self.take_back_last_word(place)
        return spot[0] if spot else None

    def next_to_look_at(self, place: Place) -> Spot | None:
        """In a counted group that is looked through again: whatever comes after the question just seen."""
        group = place.dialog.find(place.looking)
        if group is None:
            return None
        spots = [spot for spot in self.spots_back(place, [group]) if not spot[0].steps and self.applies_there(place, *spot)][::-1]
        at = next((number for number, (step, rounds) in enumerate(spots, 1) if f"{step.id} {in_round(rounds)}" == place.looked_at), 0)
        if at == len(spots):
            place.looking = place.looked_at = ""
            return None
        place.looked_at = f"{spots[at][0].id} {in_round(spots[at][1])}"
        return spots[at]

    def take_back_last_word(self, place: Place) -> None:
        """Something is asked again, or is new: what was said of all answers together (hand them in!) was not said of this."""
        for step in place.dialog.steps:
            if step.ask == "summary" and step.id in place.done:
                place.done.remove(step.id)
            elif step.ask and not step.purpose and not step.gate:
                place.memo.pop(step.id, None)

    def first_open(self, place: Place, steps: Sequence[Step], rounds: Rounds) -> Spot | None:
        form = place.dialog.form is not None
        for step in steps:
            if step.calculate:
                continue
            if step.steps:
                finished = self.is_finished(place, step, rounds)
                if (finished and not form) or not self.applies(place, step, rounds):
                    continue
                if spot := self.first_open_inside(place, step, rounds, finished=finished):
                    return spot
            elif step.ask is None:
                if not self.is_said(place, step, rounds) and self.applies(place, step, rounds):
                    self.do(place, step, rounds)
            elif not self.settled(place, step, rounds) and self.applies(place, step, rounds):  # the cheapest first
                return step, rounds
            if self.halted or not self.frames or place is not self.top:
                return None
        return None

    def first_open_inside(self, place: Place, group: Step, around: Rounds, *, finished: bool) -> Spot | None:
        last = self.last_round(place, group, around)
        for number in range(1, last + 1):
            if spot := self.first_open(place, group.steps, (*around, number)):
                return spot
        if group.count or finished:
            return None
        return self.next_waiting(place, group, (*around, last)) or (group, (*around, last))

    def next_waiting(self, place: Place, group: Step, rounds: Rounds) -> Spot | None:
        """Another round for what else was written in the last one: nobody is asked "another?" before."""
        first, (*around, last) = group.steps[0], rounds
        if not place.waiting.get(first.id):
            return None
        if last >= min(group.most, MOST_ROUNDS[0]):
            place.waiting.pop(first.id)
            self.parts.append(Say("common.no-more-rounds"))
            return None
        place.begun[f"{group.id} {in_round(tuple(around))}"] = last + 1
        self.answers.stir()
        return first, (*around, last + 1)

    def is_said(self, place: Place, step: Step, rounds: Rounds) -> bool:
        return (f"{step.id} {in_round(rounds)}" if rounds else step.id) in place.done

    def do(self, place: Place, step: Step, rounds: Rounds = ()) -> None:
        place.done.append(f"{step.id} {in_round(rounds)}" if rounds else step.id)
        self.parts.append(Say(self.id(place, step), self.facts_of(place, step, rounds), optional=bool(step.effect or step.goto)))
        self.picture = self.picture_of(place, step) or self.picture
        if step.effect:
            awaited = step.id in place.dialog.awaited
            self.effects.append(Effect(step.effect, dict(place.memo), place.dialog.dialog, step.id if awaited else ""))
            self.halted = awaited
        if step.ends:
            self.frames, self.halted = [], True
        elif step.goto:
            self.frames.remove(place)
            dialog, _, question = step.goto.partition(".")
            self.open(dialog)
            if question and all(self.settled(self.top, gate) for gate in self.top.dialog.steps if gate.gate):
                self.look_at(self.top, question)

    # ---- asking ----

    def ask(self, place: Place, step: Step) -> bool:
        """False: there is nothing to ask after all."""
        if (place.prompt == 0 and step.ask != "search") or step.own_list or not (step.from_ or step.ask in {"withdrawal", "review"}):
            place.offered = self.contents(place, step)  # a list from outside is frozen; what the script says is as the script says
        if place.prompt == 0 and step.ask == "search":
            self.begin_search(place, step)
        if place.prompt == 0:
            if not place.offered and step.ask in {"choice", "choices", "rank", "withdrawal", "review"}:
                self.parts.append(Say(self.id(place, step) + ".none", optional=bool(step.purpose)))
                if step.purpose:
                    self.answers.put((self.id(place, step), in_round(place.rounds)), Answer("skipped", "", NONE_OFFERED if step.own_list else ""))
                place.memo[step.id] = ""
                place.turn_to()
                return False
            before = self.answered(place, step)
            if step.ask in SEVERAL:
                picked = before.value if before else self.suggested(place, step)
                place.picked = tuple(code for code in picked.split() if code in place.offered)
            self.prompts += 1
            place.prompt, place.anew = self.prompts, self.has_answer(place, step)
        typing = step.ask in TYPED or step.ask == "search" or step.other or len(place.offered) > LONG
        month = self.month(place, step) if step.ask == "date" else ""
        options = self.options(place, step)
        self.question = Message(self.wording(place, step), options, place.prompt, step.columns, typing, calendar=month, picture=self.picture_of(place, step))
        return True

    def begin_search(self, place: Place, step: Step) -> None:
        """With the words of their answer, or what else they wrote; with words from elsewhere, or with the skills that belong to an
        occupation; or with nothing."""
        before, answered = place.dialog.find(step.skills_of or ""), self.answered(place, step)
        value = self.values(place, step, place.rounds, frozenset({before.id})).get(before.id, "") if before else ""
        if answered:
            self.offer(place, self.searched(step, words=answered.words) if answered.words else Found("", {}))
        elif waiting := place.waiting.pop(step.id, ()):
            first, *rest = waiting
            self.offer(place, self.searched(step, words=first))
            place.waiting[step.id] = rest
        elif step.words_of:
            self.offer(place, replace(self.searched(step, words=self.words_of(place, step)), words=""))
        elif step.skills_of and value.startswith("http"):
            found = self.searched(step, occupation=value, relation=step.relation)
            taken = {answer.value for (question, _), answer in self.answers.now.items() if question == self.id(place, step)}
            self.offer(place, replace(found, entries={code: about for code, about in found.entries.items() if code not in taken}))


def is_same(one: Answer, other: Answer | None) -> bool:
    """The same entry in other words, or found more closely, is the same answer."""
    return other is not None and (one.kind, one.value) == (other.kind, other.value) and (one.value != OWN_WORDS or one.words == other.words)


_NAVIGATION: dict[str, Callable[[_Walk, Place, Step], None]] = {
    SKIP: _Walk.skip,
    DECLINE: _Walk.decline,
    UNKNOWN: _Walk.know_not,
    BLANK: _Walk.nothing,
    EARLIER: _Walk.earlier,
    LATER: _Walk.later,
    ALL: _Walk.show_all,
    OTHER: _Walk.none_of_these,
    GROUPS: _Walk.show_groups,
    KEEP: _Walk.keep,
    CLOSE: _Walk.close,
    MORE: _Walk.tell_more,
    AGAIN: _Walk.one_more,
    ENOUGH: _Walk.enough,
    BACK: _Walk.back,
}
_CHOICES: dict[str, Callable[[_Walk, Place, Step, str], None]] = {
    "choice": _Walk.take,
    "rating": _Walk.take,
    "search": _Walk.take_entry,
    "date": _Walk.take_day,
    "choices": _Walk.toggle,
    "rank": _Walk.toggle,
    "yes-no": _Walk.pass_gate,
    "consent": _Walk.decide,
    "withdrawal": _Walk.withdraw,
    "dialog": _Walk.open_chosen,
    "review": _Walk.open_chosen,
    "summary": _Walk.change,
}
