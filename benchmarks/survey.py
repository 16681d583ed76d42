"""What every bot of the comparison asks: eight questions, answered by a button and by typing in turn, and then a thank-you."""

QUESTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (  # a question without choices is typed
    ("What are you looking for?", ("Work", "A course", "People")),
    ("In which town do you live?", ()),
    ("How long have you been here?", ("Weeks", "Months", "Years")),
    ("What have you worked as?", ()),
    ("When do you have time?", ("Mornings", "Evenings", "Weekends")),
    ("Which languages do you speak?", ()),
    ("How shall we write to you?", ("Here", "By letter", "Not at all")),
    ("Is there anything else?", ()),
)
THANKS = "Thank you, that was all."
