"""Frontdoor itself, as `frontdoor run` starts it, with the eight questions as its scripts and words; nothing else is different."""

import sys
from functools import partial
from pathlib import Path

from bot import app, logs
from bot.__main__ import go
from bot.settings import Settings
from dialogs.files import load_scripts
from translations.words import Words

HERE = Path(__file__).parent


def main(api: str, token: str, folder: str, library: str = "aiogram") -> None:
    settings = Settings(
        _env_file=None,
        telegram_token=token,
        telegram_api=api,
        telegram_library=library,
        data_dir=Path(folder),
        programme=HERE / "programme.yaml",
        http="127.0.0.1:0",
        limits="off",  # else a chat is written to once a second, and the measurement would be of that
    )
    logs.install(settings.log_level)
    app.load_scripts = partial(load_scripts, HERE / "scripts")
    app.Words = partial(Words, folder=HERE / "locales")
    go(app.run(settings))


if __name__ == "__main__":
    main(*sys.argv[1:])
