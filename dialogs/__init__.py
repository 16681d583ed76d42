"""What is asked: scripts, the engine that walks them, and what counts as an answer. Knows no channel, no words, no database."""
