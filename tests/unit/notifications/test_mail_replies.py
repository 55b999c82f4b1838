"""What mail servers really answer to RCPT and DATA, and whether that says that nobody is there."""
# ruff: noqa: E501 - an answer stands in one line

import pytest

from backend.clients.mail_replies import is_about_the_recipient

NOBODY_THERE = [
    pytest.param(550, "5.1.1 <a@b.example>: Recipient address rejected: User unknown in virtual mailbox table", id="postfix"),
    pytest.param(550, "<a@b.example>: Recipient address rejected: User unknown in local recipient table", id="old postfix"),
    pytest.param(550, "5.1.1 <a@b.example>... User unknown", id="sendmail"),
    pytest.param(550, "5.1.2 <a@b.example>... Host unknown (Name server: b.example: host not found)", id="sendmail host"),
    pytest.param(550, "No Such User Here", id="cpanel"),
    pytest.param(550, "no such user: a@b.example", id="coremail"),
    pytest.param(554, "sorry, no mailbox here by that name. (#5.1.1)", id="qmail"),
    pytest.param(511, "sorry, no mailbox here by that name (#5.1.1 - chkuser)", id="qmail chkuser"),
    pytest.param(550, "5.1.1 RESOLVER.ADR.RecipNotFound; not found", id="exchange"),
    pytest.param(550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", id="office 365"),
    pytest.param(550, "5.4.1 Recipient address rejected: Access denied. AS(201806281) [x.prod.protection.outlook.com]", id="office 365 edge"),
    pytest.param(550, "5.1.10 <a@b.example>: Recipient address rejected: Domain b.example does not accept mail (nullMX)", id="null MX"),
    pytest.param(
        550,
        "5.1.1 The email account that you tried to reach does not exist. Please try\n"
        "5.1.1 double-checking the recipient's email address for typos or\n"
        "5.1.1 unnecessary spaces. For more information, go to\n"
        "5.1.1  https://support.google.com/mail/?p=NoSuchUser a1-20020a05.190 - gsmtp",
        id="gmail",
    ),
    pytest.param(550, "5.2.1 The email account that you tried to reach is disabled. a1.19 - gsmtp", id="gmail disabled"),
    pytest.param(554, "delivery error: dd This user doesn't have a yahoo.com account (a@yahoo.com) [0] - mta1.mail.bf1.yahoo.com", id="yahoo"),
    pytest.param(554, "delivery error: dd This account has been disabled or discontinued [#102] - mta1.mail.yahoo.com", id="yahoo disabled"),
    pytest.param(550, "5.2.1 <A@PRODIGY.NET>... Addressee unknown, relay=[192.0.2.1]", id="at&t"),
    pytest.param(550, "cuda_nsu 5.1.1 <a@b.example> Recipient address rejected: User unknown", id="barracuda"),
    pytest.param(550, "Unknown local part a in <a@web.de>", id="web.de"),
    pytest.param(550, "User not found: a@163.com", id="163.com"),
    pytest.param(550, "Mailbox not found. http://service.mail.qq.com/cgi-bin/help?id=20022", id="qq"),
    pytest.param(550, "5.1.3 <a@b>: Recipient address rejected: need fully-qualified address", id="bad address"),
    pytest.param(551, "5.1.6 recipient no longer on server; please try another address", id="moved"),
    pytest.param(551, "User not local; please try <a@c.example>", id="rfc 5321"),
    pytest.param(550, "5.1.1 <relay-limit@sender.example>: Recipient address rejected: User unknown", id="words of an address"),
]  # fmt: skip

OURS_OR_UNCLEAR = [
    pytest.param(550, "relay not permitted", id="exim"),
    pytest.param(550, "Relaying denied", id="old sendmail"),
    pytest.param(554, "5.7.1 <a@b.example>: Relay access denied", id="postfix relay"),
    pytest.param(554, "<a@b.example>: Recipient address rejected: Relay access denied", id="postfix relay, recipient"),
    pytest.param(550, "5.7.1 <a@b.example>... Relaying denied. Proper authentication required.", id="sendmail relay"),
    pytest.param(
        550,
        "Please turn on SMTP Authentication in your mail client.\n"
        "(portal.example) [192.0.2.1]:36825 is not permitted to relay through\n"
        "this server without authentication.",
        id="cpanel relay",
    ),
    pytest.param(550, "5.7.1 Unable to relay", id="exchange relay"),
    pytest.param(550, "5.7.54 SMTP; Unable to relay recipient in non-accepted domain", id="exchange domain"),
    pytest.param(550, "5.7.60 SMTP; Client does not have permissions to send as this sender", id="exchange sender"),
    pytest.param(550, "5.7.708 Service unavailable. Access denied, traffic not accepted from this IP", id="office 365 traffic"),
    pytest.param(550, "5.7.705 Access denied, tenant has exceeded threshold", id="office 365 threshold"),
    pytest.param(550, "5.1.8 Access denied, bad outbound sender AS(42004)", id="office 365 bad sender"),
    pytest.param(550, "5.1.8 <billing@portal.example>: Sender address rejected: Domain not found", id="sender's domain"),
    pytest.param(550, "5.1.0 <billing@portal.example>: Sender address rejected: User unknown in virtual mailbox table", id="sender unknown"),
    pytest.param(550, "5.1.1 <billing@portal.example>: Sender address rejected: User unknown", id="sender with the recipient's code"),
    pytest.param(553, "5.1.7 <billing@portal>: Sender address rejected: need fully-qualified address", id="sender's form"),
    pytest.param(553, "5.7.1 <billing@portal.example>: Sender address rejected: not owned by user portal", id="not owned"),
    pytest.param(553, "5.7.1 <billing@portal.example>: Sender address rejected: not logged in", id="not logged in"),
    pytest.param(550, "Verification failed for <billing@portal.example>\nNo Such User Here\nSender verify failed", id="exim callout"),
    pytest.param(553, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", id="qmail relay"),
    pytest.param(553, "sorry, that domain isn't in my list of allowed rcpthosts (#5.5.3 - chkuser)", id="qmail chkuser relay"),
    pytest.param(553, "sorry, your envelope sender is in my badmailfrom list (#5.7.1)", id="qmail bad sender"),
    pytest.param(553, "you don't authenticate or the domain is not allowed relay", id="163.com relay"),
    pytest.param(551, "5.7.1 Relaying denied: user not local", id="not local and no relay"),
    pytest.param(503, "This mail server requires authentication when attempting to send to a non-local e-mail address.", id="mailenable"),
    pytest.param(530, "5.7.0 Authentication Required. For more information, go to https://support.google.com/mail/?p=WantAuthError", id="gmail auth"),
    pytest.param(550, "5.4.5 Daily user sending limit exceeded. - gsmtp", id="gmail daily limit"),
    pytest.param(550, "5.4.5 Daily sending quota exceeded - gsmtp", id="gmail daily quota"),
    pytest.param(550, "5.7.1 Daily SMTP relay sending limit exceeded for customer. - gsmtp", id="gmail relay limit"),
    pytest.param(
        550,
        "5.2.1 The user you are trying to contact is receiving mail at a rate that\n"
        "5.2.1 prevents additional messages from being delivered. - gsmtp",
        id="gmail rate",
    ),
    pytest.param(550, "5.7.26 This mail has been blocked because the sender is unauthenticated. - gsmtp", id="gmail spf"),
    pytest.param(550, "Domain portal.example has exceeded the max emails per hour (313/250 (125%)) allowed. Message discarded.", id="cpanel hour"),
    pytest.param(550, "Domain portal.example has exceeded the max defers and failures per hour (10/10 (100%)) allowed.", id="cpanel failures"),
    pytest.param(550, "You have reached your hourly e-mail limit. User does not exist in the allow list.", id="limit beside an unknown user"),
    pytest.param(554, "Message rejected: Email address is not verified. The following identities failed the check", id="amazon ses"),
    pytest.param(454, "Throttling failure: Maximum sending rate exceeded", id="amazon ses rate"),
    pytest.param(454, "Throttling failure: Daily message quota exceeded", id="amazon ses quota"),
    pytest.param(550, "5.7.1 Rejecting mail, 192.0.2.1 is blacklisted", id="black list"),
    pytest.param(554, "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", id="spamhaus"),
    pytest.param(550, "5.1.0 192.0.2.1 is not allowed to send from portal.example per it's SPF Record", id="spf"),
    pytest.param(550, "5.7.1 Connections not accepted from servers without a valid sender domain. Fix reverse DNS", id="reverse dns"),
    pytest.param(550, "Requested action not taken: mailbox unavailable", id="mailbox unavailable, for whatever reason"),
    pytest.param(550, "5.5.0 Requested action not taken: mailbox unavailable (S2017062302).", id="outlook unavailable"),
    pytest.param(550, "Unrouteable address", id="a relay that knows no way"),
    pytest.param(550, "#5.1.0 Address rejected.", id="ironport"),
    pytest.param(550, "Administrative prohibition", id="exim prohibition"),
    pytest.param(550, "Denied by policy", id="policy"),
    pytest.param(550, "", id="no word"),
    pytest.param(550, "دسترسی ندارید", id="words of another language"),
    pytest.param(552, "5.2.2 Over quota", id="full"),
    pytest.param(550, "5.2.2 <a@b.example>: user is over quota, mailbox does not exist in memory", id="full, oddly said"),
    pytest.param(554, "5.6.0 this looks like spam", id="content"),
    pytest.param(450, "4.1.1 <a@b.example>: Recipient address rejected: unverified address", id="unverified"),
    pytest.param(450, "4.2.0 <a@b.example>: Recipient address rejected: Greylisted", id="grey list"),
    pytest.param(450, "5.1.1 <a@b.example>: User unknown", id="come again, whatever else it says"),
    pytest.param(550, "server 10.5.1.1 does not serve you", id="an address that looks like a status"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "words"), NOBODY_THERE)
def test_an_unknown_or_closed_recipient_is_understood(code: int, words: str) -> None:
    assert is_about_the_recipient(code, words)


@pytest.mark.parametrize(("code", "words"), OURS_OR_UNCLEAR)
def test_nothing_else_counts_as_an_unknown_recipient(code: int, words: str) -> None:
    assert not is_about_the_recipient(code, words)
