"""aiogram-dialog: a window per question, `Select` for buttons and `TextInput` for typing; states and answers in memory."""

import asyncio
import sys
from typing import Any

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import CommandStart
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.memory import MemoryStorage
from aiogram.types import CallbackQuery, Message
from aiogram_dialog import Dialog, DialogManager, StartMode, Window, setup_dialogs
from aiogram_dialog.widgets.input import ManagedTextInput, TextInput
from aiogram_dialog.widgets.kbd import Column, Select
from aiogram_dialog.widgets.text import Const, Format
from survey import QUESTIONS, THANKS


class Survey(StatesGroup):
    looking = State()
    town = State()
    since = State()
    work = State()
    times = State()
    languages = State()
    contact = State()
    more = State()


async def pressed(_press: CallbackQuery, select: Select[str], manager: DialogManager, item: str) -> None:
    manager.dialog_data[select.widget_id] = item
    await manager.next()


async def typed(_message: Message, _entry: ManagedTextInput[str], manager: DialogManager, _text: str) -> None:
    await manager.next()  # the widget keeps the text itself


async def typed_last(message: Message, _entry: ManagedTextInput[str], manager: DialogManager, _text: str) -> None:
    await manager.done()
    await message.answer(THANKS)


def window(number: int, state: State) -> Window:
    text, choices = QUESTIONS[number]
    name = f"question_{number}"
    if choices:
        entry: Any = Column(Select(Format("{item}"), id=name, item_id_getter=str, items=list(choices), on_click=pressed))
    else:
        entry = TextInput(id=name, on_success=typed_last if number == len(QUESTIONS) - 1 else typed)
    return Window(Const(text), entry, state=state)


async def start(_message: Message, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(Survey.looking, mode=StartMode.RESET_STACK)


async def main(api: str, token: str) -> None:
    dispatcher = Dispatcher(storage=MemoryStorage())
    dispatcher.message.register(start, CommandStart())
    dispatcher.include_router(Dialog(*(window(number, state) for number, state in enumerate(Survey.__states__))))
    setup_dialogs(dispatcher)
    await dispatcher.start_polling(Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(api))))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
