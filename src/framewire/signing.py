"""Signatures of messages: the keys of a codec, and what a receiver has had already.

docs/wire-format.md, "Signatures", and docs/security.md.
"""

import hmac
from collections.abc import Mapping
from typing import Any

from .errors import SignatureError

__all__ = ["Keys", "Windows", "as_keys"]

SHORTEST = 16  # bytes of a key
WINDOW = 1024  # numbers of a sequence that are told apart, up to the largest that came
MOST_WINDOWS = 65_536
_ALL = (1 << WINDOW) - 1


class Keys:
    """The keys of a `Codec`, by number. Immutable; what it shows of itself has no secret."""

    def __init__(self, secrets: Mapping[int, bytes]) -> None:
        self._secrets = dict(secrets)
        self._states = {
            number: hmac.new(secret, digestmod="sha256") for number, secret in secrets.items()
        }
        self.first = next(iter(self._secrets), None)

    def begin(self, number: int) -> "hmac.HMAC | None":
        """A code that nothing has gone into yet; None for an unknown key."""
        state = self._states.get(number)
        return None if state is None else state.copy()

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Keys):
            return NotImplemented
        return list(self._secrets.items()) == list(other._secrets.items())

    def __hash__(self) -> int:
        return hash(tuple(self._secrets))

    def __reduce__(self) -> tuple[type["Keys"], tuple[dict[int, bytes]]]:
        return Keys, (self._secrets,)

    def __repr__(self) -> str:
        return f"<keys {list(self._secrets)}>" if self else "{}"


def as_keys(key: Any) -> Keys:
    """What a `Codec` was given as `key`."""
    if isinstance(key, Keys):
        return key
    if isinstance(key, (bytes, bytearray)):
        key = {0: key}
    if not isinstance(key, Mapping):
        raise TypeError(f"key must be bytes, or bytes by number, not {type(key).__name__}")
    secrets = {}
    for number, secret in key.items():
        if type(number) is not int or not isinstance(secret, (bytes, bytearray)):
            raise TypeError("keys are bytes by number")
        if not 0 <= number < 2**64:
            raise ValueError(f"a key's number is of 64 bits: {number}")
        if len(secret) < SHORTEST:
            raise ValueError(f"a key of {len(secret)} bytes, it needs {SHORTEST}: see `secrets`")
        secrets[number] = bytes(secret)
    return Keys(secrets)


class Windows:
    """What a socket has had of each sequence: a sliding window, as IPsec's (RFC 4303, 3.4.3).

    Bounded in number: the one that was used least recently goes. The last time of sending of those
    that went is kept: what begins a sequence that is not known and was sent before that is refused,
    and so is what has a smaller number than that, since its window may be one that went. So nothing
    is taken twice.
    """

    def __init__(self) -> None:
        self._windows: dict[tuple[int, int, int], list[int]] = {}  # largest, bits, last time
        self._last: tuple[int, int, int] | None = None  # the one used last, which is last
        self._forgotten = -1

    def note(self, key: int, sender: int, epoch: int, sequence: int, time: int) -> None:
        """Remember a message whose code is right.

        Raises
        ------
        SignatureError
            Code ``replay``: it came before, or that cannot be told any more.
        """
        name = (key, sender, epoch)
        window = self._windows.get(name)
        if window is None:
            if time <= self._forgotten:
                raise SignatureError("of a sequence from before one that was forgotten", "replay")
            if len(self._windows) >= MOST_WINDOWS:
                oldest = next(iter(self._windows))
                self._forgotten = max(self._forgotten, self._windows.pop(oldest)[2])
            self._windows[name] = [sequence, 1 if self._forgotten < 0 else _ALL, time]
            self._last = name
            return
        ahead = sequence - window[0]
        if ahead > 0:
            window[0] = sequence
            window[1] = (window[1] << ahead | 1) & _ALL if ahead < WINDOW else 1
        elif ahead <= -WINDOW:
            raise SignatureError(f"message {sequence} is too old: {window[0]} came", "replay")
        elif window[1] >> -ahead & 1:
            raise SignatureError(f"message {sequence} came before", "replay")
        else:
            window[1] |= 1 << -ahead
        if time > window[2]:
            window[2] = time
        if name != self._last:
            self._windows[name] = self._windows.pop(name)
            self._last = name
