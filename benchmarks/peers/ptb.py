"""python-telegram-bot's ConversationHandler, in memory; with `pickle` as fourth argument: with PicklePersistence, written every second."""

import sys
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path

from survey import QUESTIONS, THANKS
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.ext import ApplicationBuilder, CallbackQueryHandler, CommandHandler, ContextTypes, ConversationHandler, MessageHandler, PicklePersistence, filters
from telegram.warnings import PTBUserWarning

Callback = Callable[[Update, ContextTypes.DEFAULT_TYPE], Awaitable[int]]

warnings.filterwarnings("ignore", "If 'per_message=False'", PTBUserWarning)  # its own FAQ: meant so, when typing and buttons are mixed


async def ask(message: Message, number: int) -> int:
    if number == len(QUESTIONS):
        await message.reply_text(THANKS)
        return ConversationHandler.END
    text, choices = QUESTIONS[number]
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton(choice, callback_data=choice)] for choice in choices]) if choices else None
    await message.reply_text(text, reply_markup=keyboard)
    return number


async def start(update: Update, _context: ContextTypes.DEFAULT_TYPE) -> int:
    return await ask(update.message, 0)


def typed(number: int) -> Callback:
    async def handle(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
        context.user_data[f"question-{number}"] = update.message.text
        return await ask(update.message, number + 1)

    return handle


def pressed(number: int) -> Callback:
    async def handle(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
        await update.callback_query.answer()
        context.user_data[f"question-{number}"] = update.callback_query.data
        return await ask(update.callback_query.message, number + 1)

    return handle


def main(api: str, token: str, folder: str, pickled: str = "") -> None:
    states = {
        number: [CallbackQueryHandler(pressed(number)) if choices else MessageHandler(filters.TEXT & ~filters.COMMAND, typed(number))]
        for number, (_, choices) in enumerate(QUESTIONS)
    }
    conversation = ConversationHandler(
        entry_points=[CommandHandler("start", start)],
        states=states,
        fallbacks=[CommandHandler("start", start)],
        name="survey",
        persistent=bool(pickled),
    )
    builder = ApplicationBuilder().token(token).base_url(f"{api}/bot")
    if pickled:
        builder = builder.persistence(PicklePersistence(Path(folder) / "answers.pickle", update_interval=1))
    application = builder.build()
    application.add_handler(conversation)
    application.run_polling(allowed_updates=Update.ALL_TYPES)


if __name__ == "__main__":
    main(*sys.argv[1:])
