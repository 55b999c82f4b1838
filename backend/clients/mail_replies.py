"""Reads the refusals of mail servers. RFC 3463 defines the statuses; many servers send none, or the wrong ones."""

import re

_REFUSED = 5
_STATUS = re.compile(r"(?<![\d.])5\.\d{1,3}\.\d{1,3}(?![\d.]*\d)")
# 5.1.x is about an address: 5.1.7 and 5.1.8 about the sender's, 5.1.0 about any. 5.2.1 is a closed mailbox.
_OF_THE_RECIPIENT = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}
# "Other or undefined": the words decide.
_OF_ANYTHING = {"5.0.0", "5.1.0", "5.2.0", "5.3.0", "5.5.0"}
# Exchange Online, for a recipient that its directory does not know.
_UNKNOWN_AT_THE_EDGE = re.compile(r"5\.4\.1 recipient address rejected: access denied")
_NAMES_THE_RECIPIENT = re.compile(
    r"(user|recipient|addressee|mailbox|account|address)( is| was)? (unknown|not found|disabled|invalid)"
    r"|unknown (user|recipient|mailbox|account|local part)"
    r"|no such (user|recipient|mailbox|account|address|person)"
    r"|no mailbox here"
    r"|invalid (recipient|mailbox|user)"
    r"|(account|mailbox|user|recipient|address)\b.{0,40}\b(does not|doesn't|do not) exist"
    r"|this user doesn't have a \S+ account"
    r"|this account has been disabled"
    r"|user not local; please try"
)
# Each of these is about us, our server, our address or how much we send, whatever stands beside it.
_NAMES_US = re.compile(
    r"relay(?!=)|authenti|logged in|log in|sender|badmailfrom|rcpthosts|verif|\bspf\b|\bdkim\b|\bdmarc\b|reverse dns"
    r"|\brate\b|too (many|much|quickly|fast)|throttl|limit|quota|exceed|hour|daily|per day"
    r"|blocked|(block|black) ?list|spam|reputation|policy|prohibit|denied|not (permitted|allowed)|permission"
)
_ADDRESSES = re.compile(r"<[^<>]*>|\S+@\S+")


def is_about_the_recipient(code: int, reply: str) -> bool:
    """Whether a reply says that the recipient does not exist or takes no mail, so that another try is in vain.

    Only clear words or a clear status say so, and never beside words about the sender. ``reply`` is what follows the
    code, for example ``5.1.1 <a@b.example>: Recipient address rejected: User unknown``.
    """
    if code // 100 != _REFUSED:
        return False
    words = " ".join(_ADDRESSES.sub(" ", reply).lower().split())
    if _UNKNOWN_AT_THE_EDGE.search(words):
        return True
    if _NAMES_US.search(words):
        return False
    statuses = set(_STATUS.findall(words))
    if statuses & _OF_THE_RECIPIENT:
        return statuses <= _OF_THE_RECIPIENT
    return statuses <= _OF_ANYTHING and bool(_NAMES_THE_RECIPIENT.search(words))
