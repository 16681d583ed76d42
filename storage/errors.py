"""What can go wrong with a store. A docstring here is the message a log shows; the texts for people are in bot/errors.py."""


class StoreError(Exception):
    """The database can't be used as it is; one sentence says why and what to do."""


class StoreAway(Exception):
    """The database can't be reached or could not commit just now: the same again a little later will do."""


class SealBroken(StoreError):
    """A sealed value was changed, moved to another row, or sealed with a key that we don't have."""
