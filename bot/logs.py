"""Logs hold ids and codes, never words: no token, name, text, phone or address at any level, whoever logs.

A record is stripped where it is made, so that every handler, ours or a library's, gets it stripped. Our own modules log a
constant sentence and ids; of other libraries' records only the constant part stays.
"""

from __future__ import annotations

import logging
import sys
import traceback
from enum import Enum
from types import TracebackType
from typing import Any
from uuid import UUID

OURS = ("bot", "dialogs", "storage", "translations")


class Code(str):
    """A string that we wrote ourselves (an error's name, a reason, a setting): it may be logged."""

    __slots__ = ()


def _safe(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | UUID() | Enum() | Code():
            return value
        case BaseException():
            return type(value).__name__
    return "…"


def _frames(trace: TracebackType | None) -> str:
    return "".join(f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n' for frame in traceback.extract_tb(trace))


def _told(error: BaseException | None) -> str:
    """An exception without its message: that may quote anything."""
    chain: list[str] = []
    while error is not None and len(chain) < 10:
        chain.append(f"{_frames(error.__traceback__)}{type(error).__qualname__}")
        error = error.__cause__ or error.__context__
    return "\nfrom:\n".join(chain)


def strip(record: logging.LogRecord) -> logging.LogRecord:
    ours = record.name.partition(".")[0] in OURS
    if record.exc_info:
        record.exc_text, record.exc_info = _told(record.exc_info[1]), None
    record.stack_info = None
    if isinstance(record.args, tuple):
        record.args = tuple(_safe(argument) for argument in record.args)
    elif record.args:
        record.args = {name: _safe(value) for name, value in record.args.items()}
    if not ours and not (record.args and isinstance(record.msg, str)):
        record.msg, record.args = "(text withheld)", None  # may be formatted already
    elif not ours:
        record.msg, record.args = str(record.msg), tuple("…" for _ in record.args) if isinstance(record.args, tuple) else dict.fromkeys(record.args or {}, "…")
        record.msg, record.args = _only_constant(record.msg), None
    return record


def _only_constant(template: str) -> str:
    """`HTTP Request: %s %s` -> `HTTP Request: … …`, whatever the conversion."""
    out, at = "", 0
    while (found := template.find("%", at)) >= 0:
        out += template[at:found] + "…"
        at = found + 1
        if template[at : at + 1] == "(":
            at = template.find(")", at) + 1
        while at < len(template) and template[at] in "#0- +.*123456789":
            at += 1
        at += 1
    return out + template[at:]


def install(level: str = "INFO") -> None:
    """For the whole process, whatever was or will be configured. Safe to call twice."""
    make = logging.getLogRecordFactory()
    if not getattr(make, "strips", False):

        def stripped(*args: Any, **kwargs: Any) -> logging.LogRecord:
            return strip(make(*args, **kwargs))

        stripped.strips = True  # type: ignore[attr-defined]  # reason: a mark on our own function
        logging.setLogRecordFactory(stripped)
    root = logging.getLogger()
    if not any(getattr(handler, "frontdoor", False) for handler in root.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        handler.frontdoor = True  # type: ignore[attr-defined]  # reason: a mark on our own handler
        root.addHandler(handler)
    root.setLevel(level)
    for noisy in ("aiogram", "aiohttp", "asyncio", "uvicorn", "sqlalchemy", "aiosqlite", "alembic"):
        logging.getLogger(noisy).setLevel(max(logging.getLevelName(level), logging.WARNING) if level != "DEBUG" else logging.DEBUG)
