"""The columns of the shared database that an answer may feed, each with who owns it: one row per person, per organisation, or
per round of a group. A step's `share:` must name one of them, so that nothing leaves by a typo.

The tables themselves come with the sync; until then this is the contract between scripts and partners.
"""

from __future__ import annotations

COLUMNS: dict[str, frozenset[str]] = {
    "participants": frozenset({"role"}),
    "newcomers": frozenset(
        "name town region wants reach times more best_at education subject wants_recognition education_country "
        "idea idea_stage founded_before idea_confidence support start_from hours_a_week phone".split()
    ),
    "languages": frozenset({"language", "level"}),
    "skills": frozenset({"entry", "level", "years", "last_used"}),  # what a newcomer can do: an occupation or a skill
    "occupations": frozenset({"title", "country", "since", "until"}),
    "certificates": frozenset({"title", "paper"}),
    "organisations": frozenset("name size sector town region languages offers seeks contact reach portals".split()),
    "requests": frozenset("occupation people hours_a_week german german_reason start_from".split()),
    "request_skills": frozenset({"must", "nice"}),
    "network_partners": frozenset("name kind town region members sectors contact reach portals services coalition offers needs recommendations".split()),
}
BESIDE = {"town": "region"}  # words -> the column for the code beside them (NUTS-3): one answer feeds both
ROUNDS = frozenset({"languages", "skills", "occupations", "certificates", "requests", "request_skills"})  # one row per round: only a group's steps feed them


def knows(column: str) -> bool:
    """Is `table.column` one of ours?"""
    table, _, name = column.partition(".")
    return name in COLUMNS.get(table, ())
