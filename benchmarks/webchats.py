"""So many web chats at once on one process: how long until the next question stands on the page?

    python benchmarks/webchats.py [--chats 200] [--every 2] [--seconds 60] [--seed 1]

Each browser has a cookie, an address and a stream of its own, over real HTTP, and answers every two seconds: an offered button, or
a few words. Latency is from sending an answer to the arrival of the letter that follows it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil
from aiohttp import ClientError, ClientSession, ClientTimeout, CookieJar, TCPConnector

ROOT = Path(__file__).parent.parent
STEERING = {".skip", ".decline", ".back", ".keep", ".close", ".more", ".again"}  # .done and .enough lead on
AVOIDED = {"stop", "forget", "mydata", "language", "doors", "no"}
WORDS = ("Rostock", "зварювальник", "عامل بناء", "12", "nothing more")


class Somebody:
    """One browser."""

    def __init__(self, base: str, number: int, rnd: random.Random, latencies: list[float]) -> None:
        self.base, self.rnd, self.latencies = base, rnd, latencies
        headers = {"Origin": base, "X-Forwarded-For": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"}
        self.client = ClientSession(cookie_jar=CookieJar(unsafe=True), headers=headers, timeout=ClientTimeout(total=None), connector=TCPConnector(limit=4))
        self.letter: dict = {}
        self.news = asyncio.Event()
        self.seen: list[int] = []
        self.failed = 0

    async def hello(self) -> None:
        async with self.client.post(f"{self.base}/chat/hello", json={"id": self.id(), "lang": "en", "start": ""}) as answer:
            assert answer.status == 200, await answer.text()
        self.listening = asyncio.create_task(self.listen())
        await self.news.wait()

    def id(self) -> str:
        return f"{self.rnd.getrandbits(128):032x}"

    async def listen(self) -> None:
        async with self.client.get(f"{self.base}/chat/letters") as stream:
            async for line in stream.content:
                if line.startswith(b'data: {"id"'):
                    self.letter = json.loads(line[6:])
                    self.seen.append(self.letter["id"])
                    self.news.set()

    def answer(self) -> dict:
        codes = {button["data"].rpartition(":")[2]: button["data"] for row in self.letter["rows"] for button in row}
        choices = [data for code, data in codes.items() if code not in STEERING | AVOIDED]
        if self.letter["typing"] or not choices:
            return {"kind": "text", "value": self.rnd.choice(WORDS)}
        return {"kind": "press", "value": self.rnd.choice(choices), "message": str(self.letter["id"])}

    async def talk(self, every: float, until: float) -> None:
        await asyncio.sleep(self.rnd.random() * every)
        while time.perf_counter() < until:
            began, body = time.perf_counter(), {"id": self.id(), **self.answer(), "seen": self.seen}
            self.news.clear()
            self.seen = []
            async with self.client.post(f"{self.base}/chat/say", json=body) as answer:
                self.failed += answer.status != 200
            await self.news.wait()
            self.latencies.append(time.perf_counter() - began)
            await asyncio.sleep(max(0.0, every - (time.perf_counter() - began)))


async def measure(base: str, process: psutil.Process, chats: int, every: float, seconds: float, seed: int) -> str:
    latencies: list[float] = []
    people = [Somebody(base, number, random.Random(seed * 100_000 + number), latencies) for number in range(chats)]
    for somebody in people:
        await somebody.hello()
    cpu, began = sum(process.cpu_times()[:2]), time.perf_counter()
    await asyncio.wait_for(asyncio.gather(*(somebody.talk(every, began + seconds) for somebody in people)), seconds + 60)
    used = (sum(process.cpu_times()[:2]) - cpu) / (time.perf_counter() - began)
    memory = process.memory_info().rss / 2**20
    failed = sum(somebody.failed for somebody in people)
    for somebody in people:
        somebody.listening.cancel()
        await somebody.client.close()
    latencies.sort()
    p50, p99 = statistics.median(latencies) * 1000, latencies[int(len(latencies) * 0.99)] * 1000
    return (
        f"{chats} web chats at once on one process, an answer every {every:g} s for {seconds:g} s: {len(latencies)} answers, {failed} refused, "
        f"median {p50:.0f} ms, 99 % {p99:.0f} ms, slowest {latencies[-1] * 1000:.0f} ms; {memory:.0f} MiB, {used:.2f} of a core; seed {seed}"
    )


async def ready(base: str) -> None:
    async with ClientSession() as client:
        while True:
            try:
                async with client.get(f"{base}/readyz") as answer:
                    if answer.status == 200:
                        return
            except ClientError:
                await asyncio.sleep(0.05)


async def main(options: argparse.Namespace) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with tempfile.TemporaryDirectory(prefix=".run-", dir=Path(__file__).parent) as folder:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FRONTDOOR_")} | {
            "FRONTDOOR_HTTP": address,
            "FRONTDOOR_DATA_DIR": folder,
            "FRONTDOOR_PROGRAMME": str(ROOT / "programme.yaml"),
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-m", "bot", "run"]
        server = await asyncio.create_subprocess_exec(*command, cwd=folder, env=environment, stderr=asyncio.subprocess.DEVNULL)
        try:
            await asyncio.wait_for(ready(f"http://{address}"), 30)
            print(await measure(f"http://{address}", psutil.Process(server.pid), options.chats, options.every, options.seconds, options.seed))
        finally:
            server.terminate()
            await asyncio.wait_for(server.wait(), 10)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--chats", type=int, default=200)
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two answers of one person")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    asyncio.run(main(parser.parse_args()))
