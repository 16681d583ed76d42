"""The limit: no framework at all. A loop that fetches, commits a batch to SQLite as safely as Frontdoor does, and only then answers."""

import asyncio
import sqlite3
import sys
from pathlib import Path
from typing import Any

import aiohttp
from survey import QUESTIONS, THANKS


def answer_of(update: dict[str, Any]) -> tuple[int, str, str | None]:
    """Chat, what was said, and the press to acknowledge."""
    if press := update.get("callback_query"):
        return press["message"]["chat"]["id"], press["data"], press["id"]
    return update["message"]["chat"]["id"], update["message"]["text"], None


def question(number: int) -> dict[str, Any]:
    if number == len(QUESTIONS):
        return {"text": THANKS}
    text, choices = QUESTIONS[number]
    keyboard = {"reply_markup": {"inline_keyboard": [[{"text": choice, "callback_data": choice}] for choice in choices]}} if choices else {}
    return {"text": text, **keyboard}


async def main(api: str, token: str, folder: str) -> None:
    database = sqlite3.connect(Path(folder) / "limit.db", isolation_level=None)
    database.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE answers (chat INTEGER, question INTEGER, answer TEXT, PRIMARY KEY (chat, question))"
    )
    asked: dict[int, int] = {}  # chat -> the question that waits for an answer
    sending: set[asyncio.Task[None]] = set()
    async with aiohttp.ClientSession() as http:

        async def call(method: str, **parameters: Any) -> Any:
            async with http.post(f"{api}/bot{token}/{method}", json=parameters) as response:
                return (await response.json())["result"]

        async def reply(chat: int, number: int, press: str | None) -> None:
            await call("sendMessage", chat_id=chat, **question(number))
            if press:
                await call("answerCallbackQuery", callback_query_id=press)

        offset = 0
        while True:
            updates = await call("getUpdates", offset=offset, timeout=30)
            rows, replies = [], []
            for update in updates:
                offset = update["update_id"] + 1
                chat, said, press = answer_of(update)
                if said == "/start":
                    asked[chat] = 0
                elif chat in asked:
                    rows.append((chat, asked[chat], said))
                    asked[chat] += 1
                else:
                    continue
                replies.append((chat, asked[chat], press))
                if asked[chat] == len(QUESTIONS):
                    del asked[chat]
            if rows:
                database.execute("BEGIN IMMEDIATE")
                database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", rows)
                database.execute("COMMIT")
            for each in replies:
                task = asyncio.create_task(reply(*each))
                sending.add(task)
                task.add_done_callback(sending.discard)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
