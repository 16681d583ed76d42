"""A channel is a file: its dialect in, our nouns out, and back."""
