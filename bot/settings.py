"""Every setting, read once, documented where it is declared. From the environment or a `.env` file, prefix FRONTDOOR_."""

from __future__ import annotations

import os
import re
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import FrontdoorError
from bot.hours import DAYS, Hours, Span, read_spans
from dialogs.files import ScriptError, explain, read_yaml

BACKENDS = frozenset({"py3langid", "lingua", "langdetect"})  # of translations/detect.py, named here so that a start need not import it
CAMPAIGN = re.compile(r"[a-z0-9-]{1,30}")
PUBLIC_API = "https://api.telegram.org"


def _a_day(name: str) -> str:
    if name not in DAYS:
        raise ValueError(f"{name!r} is no day; the days are {', '.join(DAYS)}")
    return name


def _a_date(value: Any) -> Any:
    """Only as 2026-12-24: pydantic would take a bare number for seconds since 1970."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no date; write it as 2026-12-24") from None
    return value


class Programme(BaseModel):
    """Who runs this installation: programme.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=2, max_length=60, description="the project, as people know it")]
    controller: Annotated[str, Field(min_length=2, max_length=80, description="the organisation responsible for the data (GDPR, Article 4 (7))")]
    contact: Annotated[str, Field(min_length=3, max_length=120, description="where a human being helps: a name with a phone or an address")]
    privacy: Annotated[str, Field(min_length=3, max_length=120, description="where questions about data protection go")]
    zone: Annotated[str, Field(description="the time zone of dates, an IANA name")] = "Europe/Berlin"
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="where local phone numbers are from (ISO 3166)")] = "DE"
    languages: Annotated[
        tuple[str, ...],
        BeforeValidator(lambda value: tuple(value.split()) if isinstance(value, str) else value),
        Field(min_length=1, description="offered, in this order; each has a folder in translations/locales"),
    ] = ("en", "de", "ar", "uk")
    quiet_hours: Annotated[str, Field(description="from and to which full hour nobody is reminded of anything, in the zone's time")] = "19-10"
    months: Annotated[int, Field(ge=1, le=120, description="answers are kept this long after the last message")] = 24
    event_days: Annotated[int, Field(ge=1, le=3650, description="so long after an event it is known who signed up; a funder's audit may need longer")] = 30

    hours: Annotated[
        dict[
            Annotated[str, AfterValidator(_a_day)],
            Annotated[tuple[Span, ...], BeforeValidator(lambda value: read_spans(value) if isinstance(value, str) else value)],
        ],
        Field(
            description="when the team is there: mon to sun, each as 9-17, 9:30-17 or 9-12 13-17; a day that is left out is a day off; nothing: no fixed hours"
        ),
    ] = {}
    closed: Annotated[
        tuple[Annotated[date, BeforeValidator(_a_date)], ...],
        Field(description="dates on which nobody is there, as 2026-12-24"),
    ] = ()
    portals: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,20}$")], str],
        Field(description="partners' portals that may show an organisation's profile: a short name, and how people know it"),
    ] = {}
    entrances: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,20}$")], dict[str, str]],
        Field(description="what a link may be called (`frontdoor link NAME`), and the answers that it brings along"),
    ] = {"newcomer": {"join.role": "newcomer"}, "sme": {"join.role": "business"}, "partner": {"join.role": "partner"}}

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is no time zone; an example is Europe/Berlin") from error
        return value

    @field_validator("quiet_hours")
    @classmethod
    def _covers_the_night(cls, value: str) -> str:
        match = re.fullmatch(r"(\d{1,2})-(\d{1,2})", value.strip())
        if not match or not (13 <= int(match[1]) <= 22 and 7 <= int(match[2]) <= 12):
            raise ValueError(f"{value!r}: from an hour between 13 and 22 to one between 7 and 12, for example 19-10; at night nobody is disturbed")
        return value.strip()

    def is_quiet(self, moment: datetime) -> bool:
        """May nobody be disturbed now?"""
        begins, ends = map(int, self.quiet_hours.split("-"))
        return not ends <= moment.astimezone(self.timezone).hour < begins

    def quiet_from(self, moment: datetime) -> datetime:
        """When the quiet hours of that day begin."""
        begins = int(self.quiet_hours.partition("-")[0])
        return moment.astimezone(self.timezone).replace(hour=begins, minute=0, second=0, microsecond=0)

    @property
    def timezone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def opening(self) -> Hours:
        return Hours(self.timezone, self.hours, frozenset(self.closed))

    def brought(self, payload: str) -> dict[str, str]:
        """The answers that come with a link's payload, as in `sme_c-hanse_l-de`; what it does not know it leaves out."""
        name, *more = payload.split("_")
        campaign = next((part[2:] for part in more if CAMPAIGN.fullmatch(part[2:]) and part.startswith("c-")), "")
        return {**self.entrances.get(name, {}), **({"join.campaign": campaign} if campaign else {})}

    @property
    def constants(self) -> dict[str, str | int]:
        """Facts that every sentence may use."""
        who = {"programme": self.name, "controller": self.controller, "contact": self.contact, "privacy": self.privacy}
        return {**who, "months": self.months, "event_days": self.event_days}


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="FRONTDOOR_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    telegram_token: SecretStr | None = Field(None, description="the bot's token from @BotFather; without it there is no Telegram")
    telegram_api: str = Field(PUBLIC_API, description="base address of the Bot API")
    telegram_library: Literal["aiogram", "ptb"] = Field("aiogram", description="the library that speaks with Telegram")
    public_url: str = Field(
        "", description="where the world reaches us, as https://bot.example.org; set: Telegram's updates come by webhook, empty: they are fetched"
    )
    webhook_secret: SecretStr | None = Field(
        None, description="what Telegram must know to hand in updates: 1 to 256 of A-Z a-z 0-9 _ -; needed with PUBLIC_URL"
    )
    database_url: str = Field("", description="sqlite:///FILE or postgresql://USER@HOST/NAME; empty: frontdoor.db in the data folder")
    key_file: Path | None = Field(None, description="the keys that open the database; empty: keys in the data folder")
    data_dir: Path = Field(Path("var"), description="where files of this installation live")
    programme: Path = Field(Path("programme.yaml"), description="who runs this installation")
    smtp_url: SecretStr | None = Field(None, description="mail server, as smtp://USER:PASSWORD@HOST:587 or smtps://...:465; without it there is no e-mail")
    mail_from: str = Field("", description="the address that our mails come from; needed with SMTP_URL")
    http: str = Field("127.0.0.1:8080", description="host:port of the web chat, webhooks, /healthz and /readyz; `off` for none")
    proxies: str = Field("127.0.0.1", description="addresses of our own reverse proxies, with commas; whom they name is believed to be the caller")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="how much is logged; never words of people")
    semantic: Literal["on", "off"] = Field("on", description="with the extra `semantic`: find occupations by what is meant, too; `off` saves 250 MB")
    detection: str = Field(
        "py3langid", description="what tells languages by their looks: py3langid, lingua (extra), langdetect (extra), several with commas; or `off`"
    )
    limits: Literal["on", "off"] = Field("on", description="`off` only for measuring against an emulator; refused for the public Bot API")

    @field_validator("telegram_api", "public_url")
    @classmethod
    def _is_a_web_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("is a web address that begins with https://")
        return value.rstrip("/")

    @field_validator("public_url")
    @classmethod
    def _has_no_path(cls, value: str) -> str:
        """As browsers write an origin: lower case, no default port."""
        parts = urlsplit(value)
        if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("is the address of a host alone, as https://bot.example.org; a reverse proxy may not add a path")
        default = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
        return f"{parts.scheme}://{parts.netloc.lower().removesuffix(default)}" if value else ""

    @field_validator("http")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if value != "off" and not (host and port.isdecimal() and int(port) < 65536):
            raise ValueError("is host:port, for example 127.0.0.1:8080, or `off`")
        return value

    @field_validator("detection")
    @classmethod
    def _are_backends(cls, value: str) -> str:
        names = value.replace(" ", "").split(",")
        if value != "off" and not {*names} <= BACKENDS:
            raise ValueError(f"is `off`, or of {', '.join(sorted(BACKENDS))}, with commas")
        return ",".join(names)

    @property
    def backends(self) -> tuple[str, ...]:
        return () if self.detection == "off" else tuple(self.detection.split(","))

    @property
    def machine(self) -> Path:
        """Where packages for machine translation live."""
        return self.data_dir / "mt"

    @property
    def url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'frontdoor.db'}"

    @property
    def forms(self) -> Path:
        """Where imported forms live."""
        return self.data_dir / "forms"

    @property
    def keys(self) -> Path:
        return self.key_file or self.data_dir / "keys"


def read_settings() -> Settings:
    """Raises FrontdoorError naming each wrong or unknown setting."""
    try:
        _refuse_unknown({*os.environ, *dotenv_values(".env", encoding="utf-8")})
        settings = Settings()  # type: ignore[call-arg]  # reason: pydantic-settings reads the environment
    except ValidationError as error:
        raise FrontdoorError("\n".join(_complaint(fault["loc"], fault["msg"]) for fault in error.errors())) from None
    except UnicodeDecodeError as error:
        raise FrontdoorError("The file .env is not UTF-8; save it as UTF-8.") from error
    if settings.limits == "off" and settings.telegram_api.rstrip("/") == PUBLIC_API:
        raise FrontdoorError("FRONTDOOR_LIMITS=off is only for measuring against an emulator: set FRONTDOOR_TELEGRAM_API to one, or remove it.")
    _check_webhook(settings)
    _check_mail(settings)
    return settings


def _check_webhook(settings: Settings) -> None:
    if not (settings.public_url and settings.telegram_token):
        return
    if not settings.webhook_secret or not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", settings.webhook_secret.get_secret_value()):
        raise FrontdoorError(
            "FRONTDOOR_PUBLIC_URL and a token are set, so FRONTDOOR_WEBHOOK_SECRET must be too: 1 to 256 of A-Z a-z 0-9 _ -. Without it anybody could speak for anybody."
        )
    if settings.http == "off":
        raise FrontdoorError("FRONTDOOR_PUBLIC_URL is set, so FRONTDOOR_HTTP can't be `off`: Telegram's updates come in there.")


def _check_mail(settings: Settings) -> None:
    if not settings.smtp_url:
        return
    parts = urlsplit(settings.smtp_url.get_secret_value())
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise FrontdoorError("FRONTDOOR_SMTP_URL looks like smtp://USER:PASSWORD@mail.example.org:587, or smtps://... for port 465.")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+|[^@\s]+@localhost", settings.mail_from):
        raise FrontdoorError("FRONTDOOR_SMTP_URL is set, so FRONTDOOR_MAIL_FROM must be too: the address that mails come from, as events@example.org.")


def _refuse_unknown(names: set[str]) -> None:
    known = {f"FRONTDOOR_{name}".upper() for name in Settings.model_fields}
    unknown = sorted(name for name in names if name.upper().startswith("FRONTDOOR_") and name.upper() not in known)
    if unknown:
        raise FrontdoorError(f"{', '.join(unknown)} is no setting of Frontdoor; `frontdoor doctor` lists them all.")


def _complaint(place: tuple[int | str, ...], message: str) -> str:
    name = "FRONTDOOR_" + str(place[0]).upper().removeprefix("FRONTDOOR_") if place else "FRONTDOOR_?"
    return f"{name}: {message.removeprefix('Value error, ')}."


def read_programme(path: Path) -> Programme:
    """Raises FrontdoorError with file and line."""
    if not path.exists():
        raise FrontdoorError(f"{path} is missing: it says who runs this installation. Copy programme.yaml of the project and change it (FRONTDOOR_PROGRAMME).")
    try:
        data, node = read_yaml(path)
        return Programme.model_validate(data)
    except ScriptError as error:
        raise FrontdoorError(str(error)) from error
    except ValidationError as error:
        raise FrontdoorError(explain(path, node, error)) from None
