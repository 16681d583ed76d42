"""aiogram's own finite-state machine, states and answers in memory: the bot of its documentation, with eight questions."""

import asyncio
import sys

from aiogram import Bot, Dispatcher, F
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import CommandStart
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.memory import MemoryStorage
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message
from survey import QUESTIONS, THANKS

dispatcher = Dispatcher(storage=MemoryStorage())


class Survey(StatesGroup):
    looking = State()
    town = State()
    since = State()
    work = State()
    times = State()
    languages = State()
    contact = State()
    more = State()


STATES = Survey.__states__


async def ask(message: Message, state: FSMContext, number: int) -> None:
    if number == len(QUESTIONS):
        await state.get_data()  # here a real bot would keep them
        await state.clear()
        await message.answer(THANKS)
        return
    text, choices = QUESTIONS[number]
    await state.set_state(STATES[number])
    keyboard = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text=choice, callback_data=choice)] for choice in choices]) if choices else None
    await message.answer(text, reply_markup=keyboard)


@dispatcher.message(CommandStart())
async def start(message: Message, state: FSMContext) -> None:
    await state.clear()
    await ask(message, state, 0)


def handle_typed(number: int) -> None:
    @dispatcher.message(STATES[number], F.text)
    async def typed(message: Message, state: FSMContext) -> None:
        await state.update_data({f"question-{number}": message.text})
        await ask(message, state, number + 1)


def handle_pressed(number: int) -> None:
    @dispatcher.callback_query(STATES[number])
    async def pressed(press: CallbackQuery, state: FSMContext) -> None:
        await state.update_data({f"question-{number}": press.data})
        await ask(press.message, state, number + 1)
        await press.answer()


for at, (_, offered) in enumerate(QUESTIONS):
    (handle_pressed if offered else handle_typed)(at)


async def main(api: str, token: str) -> None:
    bot = Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(api)))
    await dispatcher.start_polling(bot)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
