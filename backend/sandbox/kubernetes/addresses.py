"""Addresses of this machine for Services and for pods that serve for real.

Linux answers on the whole of 127.0.0.0/8, so servers can listen on the same port, each on an address of its own.
"""

from itertools import count
from secrets import randbelow

# Emulators of other processes have other networks. The first and the last address of one stay free.
_NETWORK = f"127.{1 + randbelow(254)}"
_MOST_IN_ROW = 250
_numbers = count(randbelow(1000) * _MOST_IN_ROW // 8)


def next_address() -> str:
    """An address that this process has not given yet."""
    number = next(_numbers)
    return f"{_NETWORK}.{number // _MOST_IN_ROW % _MOST_IN_ROW}.{number % _MOST_IN_ROW + 2}"
