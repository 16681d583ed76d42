"""The imported taxonomy (ESCO): entries, what each language calls them, which skills belong to an occupation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, delete, func, select, tuple_, update

from storage import tables
from storage.store import Store, Unit

OCCUPATIONS, SKILLS, RELATIONS = "occupations", "skills", "relations"
CALLED, ALSO, HIDDEN = 0, 1, 2  # the place of a label
WHOLE, PART, BEGUN = "whole", "part", "begun"
SLICE = 1_000  # rows in one commit, or in one look: nobody waits long for it
Told = Callable[[int, int], None]  # rows written, of how many


@dataclass(frozen=True, slots=True)
class Release:
    """One file of the taxonomy, read and found good."""

    kind: str  # OCCUPATIONS, SKILLS, RELATIONS
    language: str  # "" for relations
    day: str  # of its newest concept, 2024-04-30: how one release is told from another; "" for relations, which say none
    entries: Mapping[str, str] = field(default_factory=dict)  # uri -> ISCO-08 group
    labels: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (uri, label) -> place
    pairs: Mapping[tuple[str, str], bool] = field(default_factory=dict)  # (occupation, skill) -> essential?
    state: str = WHOLE


@dataclass(frozen=True, slots=True)
class Brought:
    """What an import changed: entries and labels, or relations."""

    new: int = 0
    changed: int = 0
    gone: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    kind: str
    isco: str
    obsolete: bool
    replaced_by: str | None


@dataclass(frozen=True, slots=True)
class Imported:
    """What is there of a kind in a language."""

    kind: str
    language: str
    day: str
    number: int
    labels: int
    state: str


# ---- bringing in ------------------------------------------------------------------------------------------------


async def day_of(store: Store, kind: str, language: str) -> str:
    """Of the release that is there; "" if there is none, or if its import was cut off."""
    columns = tables.taxonomy_releases.c
    async with store.read() as unit:
        wanted = select(columns.day).where(columns.kind == kind, columns.language == language, columns.state != BEGUN)
        return (await unit.connection.execute(wanted)).scalar() or ""


async def bring(store: Store, release: Release, told: Told = lambda *_: None) -> Brought:
    """Over whatever was there, in slices, while others write. Cut off in the middle, the same again finishes it; done twice, the
    second time changes nothing. Raises StoreAway."""
    work = await (_pairs(store, release) if release.kind == RELATIONS else _concepts(store, release))
    rows = [(statement, row) for statement, rows in work.steps for row in rows]
    if rows:
        await _note(store, release, BEGUN)
    for at in range(0, len(rows), SLICE):
        async with store.begin() as unit:
            for statement, _ in work.steps:
                if part := [row for each, row in rows[at : at + SLICE] if each is statement]:
                    await unit.connection.execute(statement, part)
        told(min(at + SLICE, len(rows)), len(rows))
    await _note(store, release, release.state)
    return work.brought


@dataclass(frozen=True, slots=True)
class _Work:
    steps: Sequence[tuple[Any, Sequence[Mapping[str, Any]]]]
    brought: Brought


async def _concepts(store: Store, release: Release) -> _Work:
    there = {uri: (row.isco, row.seen) async for uri, row in _entry_rows(store) if row.kind == release.kind}
    mine = {uri for uri, _ in release.labels}
    labels = {
        (uri, label): place async for uri, label, place in labels_of(store, release.language) if uri in there or uri in mine
    }  # of the other kind the same language has labels too
    new = [uri for uri in release.entries if uri not in there]
    # Of two releases the newer one knows the group; of two languages of one release (they differ in some twenty) the first that came.
    isco = {uri: there[uri][0] if uri in there and (not group or release.day <= there[uri][1]) else group for uri, group in release.entries.items()}
    newer = [uri for uri in release.entries if uri in there and (isco[uri], max(release.day, there[uri][1])) != there[uri]]
    said = [key for key, place in release.labels.items() if labels.get(key) != place]
    # What a newer release lacks altogether keeps its labels: answers may name it, and by them its successor is found.
    gone = [key for key in labels if key not in release.labels and key[0] in release.entries] if release.state == WHOLE else []
    insert_ = store.insert
    put_entry, put_label = insert_(tables.taxonomy_entries), insert_(tables.taxonomy_labels)
    drop = tables.taxonomy_labels.c
    return _Work(
        [
            (
                put_entry.on_conflict_do_update(index_elements=["uri"], set_={"isco": put_entry.excluded.isco, "seen": put_entry.excluded.seen}),
                [{"uri": uri, "kind": release.kind, "isco": isco[uri], "seen": max(release.day, there.get(uri, ("", ""))[1])} for uri in (*new, *newer)],
            ),
            (
                put_label.on_conflict_do_update(index_elements=["language", "uri", "label"], set_={"place": put_label.excluded.place}),
                [{"language": release.language, "uri": uri, "label": label, "place": release.labels[uri, label]} for uri, label in said],
            ),
            (
                delete(tables.taxonomy_labels).where(drop.language == bindparam("of"), drop.uri == bindparam("which"), drop.label == bindparam("text")),
                [{"of": release.language, "which": uri, "text": label} for uri, label in gone],
            ),
        ],
        Brought(len(new) + sum(key not in labels for key in said), len(newer) + sum(key in labels for key in said), len(gone)),
    )


async def _pairs(store: Store, release: Release) -> _Work:
    there = {(one, other): essential async for one, other, essential in _all(store, tables.taxonomy_relations, 2)}
    said = [pair for pair, essential in release.pairs.items() if there.get(pair) != essential]
    gone = [pair for pair in there if pair not in release.pairs] if release.state == WHOLE else []
    put, drop = store.insert(tables.taxonomy_relations), tables.taxonomy_relations.c
    return _Work(
        [
            (
                put.on_conflict_do_update(index_elements=["occupation", "skill"], set_={"essential": put.excluded.essential}),
                [{"occupation": one, "skill": other, "essential": release.pairs[one, other]} for one, other in said],
            ),
            (
                delete(tables.taxonomy_relations).where(drop.occupation == bindparam("one"), drop.skill == bindparam("other")),
                [{"one": one, "other": other} for one, other in gone],
            ),
        ],
        Brought(sum(pair not in there for pair in said), sum(pair in there for pair in said), len(gone)),
    )


async def _note(store: Store, release: Release, state: str) -> None:
    number = len(release.entries) or len(release.pairs)
    key, values = {"kind": release.kind, "language": release.language}, {"day": release.day, "number": number, "state": state}
    columns = tables.taxonomy_releases.c
    async with store.begin() as unit:
        known = select(columns.day, columns.number, columns.state).where(columns.kind == release.kind, columns.language == release.language)
        there = (await unit.connection.execute(known)).one_or_none()
        if there == (release.day, number, state):
            return
        if release.state == PART and there and there.state == WHOLE:  # a part beside the whole: it adds, and says nothing of the rest
            values = {"day": there.day, "number": there.number, "state": WHOLE}
        put = unit.insert(tables.taxonomy_releases).values(**{**key, **values}, at=unit.now)
        await unit.connection.execute(put.on_conflict_do_update(index_elements=["kind", "language"], set_={**values, "at": unit.now}))


async def settle(store: Store) -> Mapping[str, str | None]:
    """What follows from everything that was brought in: where each skill is used most, and what took the place of each obsolete
    entry: the one that is called as it was (None: nobody can say). Raises StoreAway."""
    found = {uri: entry async for uri, entry in entries(store)}
    days = await _newest(store)
    await _rewrite(store, "isco", {uri: group for uri, group in (await _used_most(store, found)).items() if found[uri].isco != group})
    obsolete = [uri for uri, entry in found.items() if entry.obsolete]
    heirs = await _heirs(store, obsolete, found) if obsolete and days else {}
    await _rewrite(store, "replaced_by", {uri: heir for uri, heir in heirs.items() if found[uri].replaced_by != heir})
    return heirs


async def _used_most(store: Store, found: Mapping[str, Entry]) -> dict[str, str]:
    """Skill -> the two-digit ISCO group of most of the occupations that it belongs to."""
    counted: dict[str, dict[str, int]] = {}
    async for occupation, skill, _ in _all(store, tables.taxonomy_relations, 2):
        if (entry := found.get(occupation)) and entry.isco and skill in found:
            groups = counted.setdefault(skill, {})
            groups[entry.isco[:2]] = groups.get(entry.isco[:2], 0) + 1
    return {skill: max(sorted(groups), key=groups.__getitem__) for skill, groups in counted.items()}


async def _heirs(store: Store, obsolete: Collection[str], found: Mapping[str, Entry]) -> dict[str, str | None]:
    """The only current entry of its kind that has the main label of an obsolete one."""
    columns = tables.taxonomy_labels.c
    heirs, obsolete = dict[str, str | None].fromkeys(obsolete), sorted(obsolete)
    for at in range(0, len(obsolete), SLICE):
        async with store.read() as unit:
            wanted = columns.uri.in_(obsolete[at : at + SLICE]), columns.place == CALLED
            mine = (await unit.connection.execute(select(columns.uri, columns.language, columns.label).where(*wanted))).all()
            called = {(row.language, row.label): set[str]() for row in mine}
            for language in {row.language for row in mine}:  # by its language the index finds it
                labels = [row.label for row in mine if row.language == language]
                alike = select(columns.uri, columns.label).where(columns.language == language, columns.label.in_(labels))
                for row in await unit.connection.execute(alike):
                    if row.uri in found and not found[row.uri].obsolete:
                        called[language, row.label].add(row.uri)
        heirs |= {row.uri: next(iter(there)) for row in mine if len(there := called[row.language, row.label]) == 1}
    return heirs


async def _rewrite(store: Store, column: str, values: Mapping[str, str | None]) -> None:
    rows = [{"which": uri, "value": value} for uri, value in values.items()]
    statement = update(tables.taxonomy_entries).where(tables.taxonomy_entries.c.uri == bindparam("which")).values({column: bindparam("value")})
    for at in range(0, len(rows), SLICE):
        async with store.begin() as unit:
            await unit.connection.execute(statement, rows[at : at + SLICE])


# ---- looking ----------------------------------------------------------------------------------------------------


async def stamp(store: Store) -> str:
    """Another one whenever something was brought in."""
    columns = tables.taxonomy_releases.c
    async with store.read() as unit:
        row = (await unit.connection.execute(select(func.count(), func.max(columns.at)).where(columns.state != BEGUN))).one()
    return f"{row[0]} {row[1]}"


async def entries(store: Store) -> AsyncIterator[tuple[str, Entry]]:
    """Every one of them, obsolete ones too."""
    newest = await _newest(store)
    async for uri, row in _entry_rows(store):
        yield uri, Entry(row.kind, row.isco, row.seen < newest.get(row.kind, ""), row.replaced_by)


async def labels_of(store: Store, language: str, place: int | None = None) -> AsyncIterator[tuple[str, str, int]]:
    """(uri, label, place) of a language, in slices."""
    columns = tables.taxonomy_labels.c
    wanted = select(columns.uri, columns.label, columns.place).where(columns.language == language)
    wanted = wanted if place is None else wanted.where(columns.place == place)
    after = ("", "")
    while True:
        async with store.read() as unit:
            rows = (
                await unit.connection.execute(
                    wanted.where(tuple_(columns.uri, columns.label) > tuple_(*after)).order_by(columns.uri, columns.label).limit(SLICE)
                )
            ).all()
        for uri, label, where in rows:
            yield uri, label, where
        if len(rows) < SLICE:
            return
        after = (rows[-1].uri, rows[-1].label)


async def languages(store: Store) -> dict[str, tuple[str, ...]]:
    """Kind -> the languages that it was imported in."""
    found: dict[str, tuple[str, ...]] = {}
    for each in await imported(store):
        if each.language:
            found[each.kind] = (*found.get(each.kind, ()), each.language)
    return found


async def imported(store: Store) -> list[Imported]:
    releases, labels = tables.taxonomy_releases, tables.taxonomy_labels.c
    kind = tables.taxonomy_entries.c.kind
    async with store.read() as unit:
        counted = (
            select(kind, labels.language, func.count()).join_from(tables.taxonomy_labels, tables.taxonomy_entries, labels.uri == tables.taxonomy_entries.c.uri)
        ).group_by(kind, labels.language)
        numbers = {(row[0], row[1]): row[2] for row in await unit.connection.execute(counted)}
        rows = await unit.connection.execute(select(releases).order_by(releases.c.kind, releases.c.language))
        return [Imported(row.kind, row.language, row.day, row.number, numbers.get((row.kind, row.language), 0), row.state) for row in rows]


async def skills_of(unit: Unit, occupation: str, *, essential: bool) -> list[str]:
    """Those that belong to an occupation, what few occupations need first."""
    columns, every = tables.taxonomy_relations.c, tables.taxonomy_relations.alias()
    spread = select(func.count()).select_from(every).where(every.c.skill == columns.skill).scalar_subquery()
    wanted = select(columns.skill).where(columns.occupation == occupation, columns.essential.is_(essential)).order_by(spread, columns.skill)
    return list((await unit.connection.execute(wanted)).scalars())


async def _newest(store: Store) -> dict[str, str]:
    """Kind -> the day of the newest whole release: what is not in it is obsolete."""
    columns = tables.taxonomy_releases.c
    async with store.read() as unit:
        rows = await unit.connection.execute(select(columns.kind, func.max(columns.day)).where(columns.state == WHOLE).group_by(columns.kind))
        return {row[0]: row[1] for row in rows}


async def _entry_rows(store: Store) -> AsyncIterator[tuple[str, Any]]:
    async for row in _all(store, tables.taxonomy_entries, 1):
        yield row.uri, row


async def _all(store: Store, table: Any, keys: int) -> AsyncIterator[Any]:
    """Every row, a slice at a time, in the order of the primary key (its first `keys` columns)."""
    key = list(table.primary_key.columns)[:keys]
    after: tuple[str, ...] = ("",) * keys
    while True:
        async with store.read() as unit:
            rows = (await unit.connection.execute(select(table).where(tuple_(*key) > tuple_(*after)).order_by(*key).limit(SLICE))).all()
        for row in rows:
            yield row
        if len(rows) < SLICE:
            return
        after = tuple(rows[-1][:keys])


async def used(store: Store) -> dict[str, int]:
    """Code -> answers that have it, of those that look like an entry's."""
    found: dict[str, int] = {}
    async with store.read() as unit:
        for table in (tables.answers, tables.organisation_answers):
            for code, number in await unit.connection.execute(select(table.c.code, func.count()).where(table.c.code.like("http://%")).group_by(table.c.code)):
                found[code] = found.get(code, 0) + number
    return found
