"""Sealed columns: AES-256-GCM with table, row and column as associated data, and a keyed hash to look addresses up.

The keys live outside the database, in a file of mode 600. A sealed value begins with the number of its key, so that a
new key can come while old values are still read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import stat
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.errors import SealBroken, StoreError

NONCE = 12  # bytes, as NIST SP 800-38D recommends
_HEAD = """\
# Frontdoor's keys. Without this file nobody can read the names, contacts and words in the database, you neither.
# Keep a copy in a safe place, apart from the database and its backups. Never send it to anybody.
"""


class Cipher(Protocol):
    """What seals columns. Tests have one that does nothing, to prove that canaries would be found."""

    fingerprint: str

    def seal(self, plain: bytes, place: str) -> bytes:
        """`place` names table, row and column; a value that is moved elsewhere does not open."""

    def open(self, sealed: bytes, place: str) -> bytes:
        """Raises SealBroken."""

    def index(self, text: str) -> bytes:
        """32 bytes, the same for the same text: to find a row by a value that is stored sealed."""


class Keys:
    """The real cipher."""

    def __init__(self, index_key: bytes, keys: dict[int, bytes]) -> None:
        self._index_key = index_key
        self._ciphers = {number: AESGCM(key) for number, key in keys.items()}
        self._newest = max(keys)
        self.fingerprint = hashlib.sha256(b"frontdoor/" + index_key).hexdigest()[:16]

    def seal(self, plain: bytes, place: str) -> bytes:
        nonce = os.urandom(NONCE)
        return bytes([self._newest]) + nonce + self._ciphers[self._newest].encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Raises SealBroken."""
        try:
            return self._ciphers[sealed[0]].decrypt(sealed[1 : 1 + NONCE], sealed[1 + NONCE :], place.encode())
        except (InvalidTag, KeyError, IndexError, ValueError) as error:
            raise SealBroken(f"a sealed value in {place.partition('/')[0]} does not open: wrong key file, or a changed database") from error

    def index(self, text: str) -> bytes:
        return hmac.digest(self._index_key, text.encode(), "sha256")


NO_KEYS = Keys(bytes(32), {1: bytes(32)})  # for looking at a database before there are keys; opens nothing, must never seal


def read_keys(path: Path) -> Keys:
    """Raises StoreError when the file is missing, open to others, or no key file."""
    try:
        lines = [line.split(":", 1) for line in path.read_text("ascii").splitlines() if line.strip() and not line.startswith("#")]
        values = {name.strip(): base64.b64decode(value.strip(), validate=True) for name, value in lines}
        keys = Keys(values.pop("index"), {int(name): key for name, key in values.items()})
    except FileNotFoundError as error:
        raise StoreError(f"The key file {path} is missing. Put your copy back; a new one can't open what is stored.") from error
    except (OSError, UnicodeDecodeError, ValueError, KeyError) as error:
        raise StoreError(f"{path} can't be read as a key file ({type(error).__name__}). Put your copy back (FRONTDOOR_KEY_FILE).") from error
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise StoreError(f"Other users of this machine can read the key file {path}. Close it with: chmod 600 {path}")
    return keys


def make_keys(path: Path) -> Keys:
    """A new key file, readable by its owner only. Raises FileExistsError: keys are never overwritten."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{name}: {base64.b64encode(os.urandom(32)).decode()}\n" for name in ("index", "1")]
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(_HEAD + "".join(lines))
        file.flush()
        os.fsync(file.fileno())
    return read_keys(path)
