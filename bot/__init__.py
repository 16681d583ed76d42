"""The front door: channels, the one way in, the one way out, and the command line."""
