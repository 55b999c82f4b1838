"""Every advisory lock of the product, in one list because PostgreSQL knows them by number only."""

from enum import IntEnum, unique


@unique
class LockNumber(IntEnum):
    """Numbers of the advisory locks, named for the work that each serialises.

    ``SIGN_IN_ACCOUNT``, ``SIGN_IN_ADDRESS`` and ``ACCOUNT`` are the first of two numbers; the second one is a hash of
    whose lock it is. PostgreSQL never takes a lock of two numbers for one of a single number.
    """

    SIGN_IN_ACCOUNT = 41
    SIGN_IN_ADDRESS = 42
    UPGRADE = 724_000
    BILLING = 724_001
    ISSUING = 724_002
    LEADERSHIP = 724_003
    PRICES = 724_004
    AUDIT_CHAIN = 724_010
    USAGE_PARTITION = 724_011
    USAGE_SCAN = 724_012
    ACCOUNT = 724_020
    SWEEP = 724_021
    OPENING_SESSIONS = 724_022
    ALERTS = 724_030
    ASSISTANT = 724_031
    DOCUMENTS = 724_032
    RESTORE = 724_040
