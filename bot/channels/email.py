"""E-mail: letters about events, sent only. A mail asks nothing; what can be done is a link, and what a link does is done after a press on its page
(programs of mail servers open every link to look for viruses)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import html
import json
import re
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email import policy
from email.headerregistry import Address as Mailbox
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from urllib.parse import unquote, urlsplit

from bot.errors import SendError
from bot.messages import Choice, Outgoing
from storage.crypto import Cipher
from storage.errors import SealBroken
from storage.store import Clock, utc_now
from translations.words import Words, is_right_to_left

CHANNEL = "email"
PATH = "/mail/"
STOP = "stop-mail"  # what a link does beside the commands of our buttons
LONG_LINES = policy.SMTP.clone(max_line_length=990)  # an address must not be broken: mail programs press it (RFC 8058)
PATIENCE = 20  # seconds for a mail server
PLACE = "mail/link"
MARKS = dict.fromkeys(map(ord, "\u2066\u2067\u2068\u2069\u200e\u200f"))
ADDRESS = re.compile(r"https?://[^\s<>\u2066-\u2069]+")
OUR_FAULT = re.compile(r"relay|polic|spam|block|denied|reput|auth|list", re.IGNORECASE)
WITHOUT_QUESTIONS = frozenset({"cantcome", "takeplace", "coming", "signup"})  # what a press in a mail can do; the rest is for a chat
PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a link in a mail stands for: somebody's address, a command and what follows it."""

    address: str
    command: str
    argument: str


def seal_link(cipher: Cipher, pressed: Pressed) -> str:
    """As it stands in an address: nobody reads in it whose it is, nobody makes one."""
    content = json.dumps([pressed.address, pressed.command, pressed.argument]).encode()
    return base64.urlsafe_b64encode(cipher.seal(content, PLACE)).decode().rstrip("=")


def open_link(cipher: Cipher, token: str) -> Pressed | None:
    """None: it is none of ours, or not whole."""
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        return Pressed(*json.loads(cipher.open(sealed, PLACE)))
    except (SealBroken, ValueError, binascii.Error, TypeError):
        return None


class Email:
    def __init__(self, url: str, sender: str, words: Words, cipher: Cipher, public_url: str = "", clock: Clock = utc_now) -> None:
        """`url`: smtp://USER:PASSWORD@HOST:PORT (TLS as soon as the server offers it) or smtps://...; `sender`: our own address; without
        `public_url` a mail has no links of ours."""
        self._url, self._sender, self._words, self._cipher, self._public_url, self._clock = url, sender, words, cipher, public_url, clock
        self._threads = ThreadPoolExecutor(4, "mail")  # a server that hangs holds up nothing but mail

    async def send(self, outgoing: Outgoing) -> None:
        """Raises SendError."""
        if asks(outgoing):
            return
        await asyncio.get_running_loop().run_in_executor(self._threads, self._hand_in, self.write(outgoing))

    def write(self, outgoing: Outgoing) -> EmailMessage:
        """The whole mail: in plain text, as a page, and with what comes along."""
        language = outgoing.language or "en"
        to, text = outgoing.address.address, outgoing.text.translate(MARKS)
        mail = EmailMessage(policy=LONG_LINES)
        mail["Subject"] = subject_of(text)
        mail["From"] = Mailbox(str(self._words.constant("programme")), addr_spec=self._sender)
        mail["To"] = to
        mail["Date"] = format_datetime(self._clock())
        mail["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"  # so that nobody's "I am on holiday" answers
        mail["Content-Language"] = language.replace("_", "-")
        links = self._links(outgoing)
        stop = self._link(Pressed(to, STOP, "")) if self._public_url else ""
        if stop:  # RFC 8058: one click, in the mail program itself
            mail["List-Unsubscribe"] = f"<{stop}>"
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        why, no_more = (self._words.tr(name, language).translate(MARKS) for name in ("email.why", "email.no-more"))
        plain = [text, *(f"{label}: {link}" for label, link in links), "--", why, *([f"{no_more}: {stop}"] if stop else [])]
        mail.set_content("\n\n".join(plain))
        mail.add_alternative(_page(text, links, why, (no_more, stop), language), subtype="html")
        if outgoing.document:
            _attach(mail, *outgoing.document)
        return mail

    def _links(self, outgoing: Outgoing) -> list[tuple[str, str]]:
        """(label, address) of each button that is in order at any time."""
        pressed = [(choice, _command(choice)) for row in outgoing.rows for choice in row] if self._public_url else []
        return [(choice.label.translate(MARKS), self._leads(outgoing.address.address, *command)) for choice, command in pressed if command]

    def _leads(self, to: str, command: str, argument: str) -> str:
        """To what it does; or to the web chat, where questions can be asked."""
        if command in WITHOUT_QUESTIONS:
            return self._link(Pressed(to, command, argument))
        return f"{self._public_url}/chat?start=event_{argument.partition('-')[0]}" if command == "feedback" else f"{self._public_url}/chat"

    def _link(self, pressed: Pressed) -> str:
        return f"{self._public_url}{PATH}{seal_link(self._cipher, pressed)}"

    def _hand_in(self, mail: EmailMessage) -> None:
        """To the mail server; what it says is told apart. Raises SendError."""
        parts = urlsplit(self._url)
        secure = ssl.create_default_context()
        try:
            host, port = parts.hostname or "localhost", parts.port or PORTS[parts.scheme]
            at_once = parts.scheme == "smtps"
            with smtplib.SMTP_SSL(host, port, timeout=PATIENCE, context=secure) if at_once else smtplib.SMTP(host, port, timeout=PATIENCE) as server:
                server.ehlo()
                if not at_once and server.has_extn("starttls"):
                    server.starttls(context=secure)
                if parts.username:
                    server.login(unquote(parts.username), unquote(parts.password or ""))
                server.send_message(mail)
        except smtplib.SMTPAuthenticationError as error:
            raise SendError("unauthorised") from error
        except smtplib.SMTPRecipientsRefused as error:
            raise SendError(_meaning(*next(iter(error.recipients.values())))) from error
        except smtplib.SMTPResponseException as error:
            raise SendError("bad-request" if error.smtp_code >= 500 else "server") from error
        except smtplib.SMTPNotSupportedError as error:
            raise SendError("bad-request") from error
        except (smtplib.SMTPException, OSError) as error:
            raise SendError("unreachable") from error


def _meaning(code: int, said: bytes | str) -> str:
    """Of a refused recipient: is there nobody (RFC 5321, 4.2.3; RFC 3463, X.1), or do they refuse us or this mail?"""
    words = said.decode(errors="replace") if isinstance(said, bytes) else said
    if code < 500:
        return "server"
    enhanced = re.match(r"5\.(\d+)\.\d+", words)
    nobody = enhanced[1] == "1" if enhanced else not OUR_FAULT.search(words)
    return "chat-not-found" if code in {550, 551, 553, 556} and nobody else "bad-request"


def asks(outgoing: Outgoing) -> bool:
    """Is it a question of a dialog? Those are for chats."""
    return any(choice.data.startswith("q:") for row in (*outgoing.calendar, *outgoing.rows) for choice in row) or outgoing.typing


def subject_of(text: str) -> str:
    """The first line, without the picture before it."""
    line = text.strip().partition("\n")[0]
    return re.sub(r"^[^\w\"“„«(]+", "", line).strip()[:150] or "…"


def _command(choice: Choice) -> tuple[str, str] | None:
    found = re.fullmatch(r"c:([a-z0-9_]+):([A-Za-z0-9-]*)", choice.data)
    return (found[1], found[2]) if found else None


def _page(text: str, links: list[tuple[str, str]], why: str, stop: tuple[str, str], language: str) -> str:
    """Nothing in it is loaded from anywhere."""
    direction = "rtl" if is_right_to_left(language) else "ltr"
    paragraphs = "".join(f"<p>{'<br>'.join(_linked(line) for line in each.split(chr(10)))}</p>" for each in text.split("\n\n"))
    button = "display:inline-block;padding:10px 16px;border-radius:8px;background:#0b5cad;color:#fff;text-decoration:none"
    buttons = "".join(f'<p><a href="{html.escape(link)}" style="{button}">{html.escape(label)}</a></p>' for label, link in links)
    label, address = stop
    end = f' · <a href="{html.escape(address)}">{html.escape(label)}</a>' if address else ""
    return (
        f'<!doctype html><html lang="{language.replace("_", "-")}" dir="{direction}"><head><meta charset="utf-8"></head>'
        f'<body style="font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:0 auto;padding:12px;color:#111;background:#fff">'
        f'{paragraphs}{buttons}<p style="color:#555;font-size:13px">{html.escape(why)}{end}</p></body></html>'
    )


def _linked(line: str) -> str:
    """Escaped, and with its addresses to be pressed."""
    parts, at = [], 0
    for found in ADDRESS.finditer(line):
        address = html.escape(found[0])
        parts += [html.escape(line[at : found.start()]), f'<a href="{address}">{address}</a>']
        at = found.end()
    return "".join([*parts, html.escape(line[at:])])


def _attach(mail: EmailMessage, name: str, content: str | bytes) -> None:
    if name.endswith(".ics") and isinstance(content, str):
        method = "CANCEL" if "METHOD:CANCEL" in content else "PUBLISH"
        mail.add_attachment(content.encode(), "text", "calendar", filename=name, params={"method": method, "charset": "utf-8"})
    else:
        mail.add_attachment(content.encode() if isinstance(content, str) else content, "application", "octet-stream", filename=name)
