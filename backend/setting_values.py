"""Checks of settings. A check raises ValueError with a message for the operator, never with the value."""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv6Address
from urllib.parse import parse_qsl, unquote, urlsplit

from backend import free_text

LONGEST = 4096
SHORT = 120
MOST_ADDRESSES = 9
KNOWN_PASSWORDS = frozenset({"postgres", "password", "portal", "docuchat"})
PASSWORD_MIN_LENGTH = 12
_USUAL_PORTS = {"http": 80, "https": 443}
_MATCHER = re.compile(
    r"""\s*[a-zA-Z_][a-zA-Z0-9_]*\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*"""
)
_ESCAPES = "in a password, write @ : / ? # and % as %40 %3A %2F %3F %23 and %25"
_PLAIN = r"(?:[^@:/?#%\s\[\]]|%[0-9A-Fa-f]{2})"
# The part behind an @ that is not escaped would be read as the host's name, which stands in messages.
_DATABASE = re.compile(
    rf"[a-z+]+://(?:{_PLAIN}*(?::[^@\s]*)?@)?(?:{_PLAIN}+|\[[0-9A-Fa-f:.]+\])?(?::\d*)?(?:/{_PLAIN}*)?"
    r"(?:\?(?:[^@#%\s]|%[0-9A-Fa-f]{2})*)?"
)
_NAME_IN_CLUSTER = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")


def clean(value: str) -> str:
    """The value without spaces around it."""
    kept = value.strip()
    if len(kept) > LONGEST:
        raise ValueError(f"must be at most {LONGEST} characters long")
    if kept != free_text.pasted(kept) or any(unicodedata.category(char) in {"Cc", "Cs"} for char in kept):
        raise ValueError("must not hold characters that cannot be seen; type it instead of pasting it")
    return kept


def web_address(value: str) -> str:
    """The address without a slash at its end."""
    with suppress(ValueError):
        parts = urlsplit(value)
        is_whole = parts.scheme in _USUAL_PORTS and is_host(parts.hostname) and parts.port != 0
        if is_whole and value.startswith(("http://", "https://")) and not re.search(r"\s", value):
            return value.rstrip("/")
    raise ValueError(
        "must be an address that begins with http:// or https:// and names a host,"
        " and a port only as a number from 1 to 65535"
    )


def web_address_or_none(value: str) -> str:
    """As ``web_address``; an empty value stays."""
    return web_address(value) if value else value


def folder_or_none(value: str) -> str:
    """The whole path of a folder; empty for none. Another process with another working folder must find it, too."""
    if value and not value.startswith("/"):
        raise ValueError("must be the whole path of a folder, beginning with /")
    return value


def file_or_none(value: str) -> str:
    """The whole path of a file; empty for none. Whether it is there shows when it is read: it may come later."""
    if value and not value.startswith("/"):
        raise ValueError("must be the whole path of a file, beginning with /")
    return value


def file_paths(value: object) -> object:
    """Whole paths of files between commas; a value that is no text is left as it is."""
    if not isinstance(value, str):
        return value
    return tuple(file_or_none(each.strip()) for each in value.split(",")) if value else ()


def short_text(value: str) -> str:
    """A line that a page shows, such as a name with a telephone number; empty for none."""
    typed = value.strip()
    with suppress(ValueError):
        kept = free_text.written(typed, longest=SHORT) if typed else ""
        if len(kept) == len(typed):
            return kept
    raise ValueError(f"must be one line of at most {SHORT} characters that can be seen")


def secure_link(value: str) -> str:
    """An address that a page links to; empty for none."""
    if not value.strip():
        return ""
    address = web_address(value.strip())
    if not address.startswith("https://"):
        raise ValueError("must begin with https://")
    return address


def web_addresses(value: object) -> object:
    """Up to nine addresses between commas, each once; a value that is no text is left as it is."""
    if not isinstance(value, str):
        return value
    found = tuple(dict.fromkeys(web_address(each.strip()) for each in value.split(",")))
    if len(found) > MOST_ADDRESSES:
        raise ValueError(f"must name at most {MOST_ADDRESSES} addresses")
    return found


def web_origin(value: str) -> str:
    """The address as browsers name it in their Origin header, without a slash at its end.

    A browser would name any other address differently, and so every post would count as a foreign one.
    """
    with suppress(ValueError):
        address = web_address(value)
        if address == _origin_of(address):
            return address
    raise ValueError(
        "must be scheme, host and at most an unusual port, in lower case and without a path,"
        " such as https://portal.example.com"
    )


def _origin_of(address: str) -> str:
    parts = urlsplit(address)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{IPv6Address(host)}]"
    elif not re.fullmatch(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", host):
        raise ValueError(host)
    port = f":{parts.port}" if parts.port and parts.port != _USUAL_PORTS[parts.scheme] else ""
    return f"{parts.scheme}://{host}{port}"


def service_address(value: str, *schemes: str) -> str:
    """An address with one of these schemes, a host, and a port only as a number."""
    scheme = value.partition("://")[0]
    if "://" not in value or scheme not in schemes:
        raise ValueError(
            f"must be an address that begins with {' or '.join(f'{each}://' for each in schemes)}"
        )
    with suppress(ValueError):
        parts = urlsplit(value)
        if is_host(parts.hostname) and parts.port != 0:
            return value
    raise ValueError(f"must name a host, and a port only as a number from 1 to 65535; {_ESCAPES}")


def redis_address(value: str) -> str:
    """The address of a Redis, or nothing."""
    if not value or re.fullmatch(r"unix://(\S*@)?/\S+", value):
        return value
    service_address(value, "redis", "rediss", "unix")
    if not re.fullmatch(r"/?|/\d{1,4}", urlsplit(value).path):
        raise ValueError("must end with the host, the port or the number of a database, such as /0")
    return value


def database_address(value: str) -> str:
    """An address of PostgreSQL, read as SQLAlchemy reads it. The host may be left out, or stand among the options."""
    if not value.startswith(tuple(f"{scheme}://" for scheme in _POSTGRESQL)):
        raise ValueError("must be an address that begins with postgresql://")
    place = re.sub(r"^[^:/]*(:[^@]*)?@", "", value.partition("://")[2])
    host, _, port = re.split(r"[/?]", place, maxsplit=1)[0].rpartition("]")[2].partition(":")
    ports = [port, *(given for name, given in parse_qsl(place.partition("?")[2]) if name == "port")]
    if not _DATABASE.fullmatch(value):
        raise ValueError(f"must look like postgresql://user:password@host:port/name; {_ESCAPES}")
    if (host and not is_host(host)) or not all(is_port(each) for each in ports if each):
        raise ValueError("must name a host, and a port only as a number from 1 to 65535")
    return value


def is_host(host: str | None) -> bool:
    """Whether a connection to a name could be tried: nothing empty, spaced or quoted."""
    return bool(host) and re.fullmatch(r"[\w.:%-]+", host or "") is not None


def hosts(value: str) -> list[str]:
    """The names of hosts, with commas between them; none for nothing."""
    names = [each.strip() for each in value.split(",")] if value else []
    if not all(re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name) for name in names):
        raise ValueError(
            "must be names of hosts in lower case, with commas between them, such as ci.example.com"
        )
    return names


def is_port(port: str) -> bool:
    """Whether a text is the number of a port."""
    return re.fullmatch(r"[0-9]{1,5}", port) is not None and 0 < int(port) < 2**16


def code(value: str, *, longest: int) -> str:
    """A name that is sent to another party as it stands, such as a merchant code, or nothing."""
    if len(value) > longest or not re.fullmatch(r"[A-Za-z0-9_-]*", value):
        raise ValueError(f"must be at most {longest} Latin letters, digits, - or _, without quotes")
    return value


def token(value: str) -> str:
    """A secret that is sent in a header, or nothing."""
    if not re.fullmatch(r"[!-~]*", value) or value[:1] in {'"', "'"}:
        raise ValueError("must be Latin letters, digits and signs, without spaces or quotes around it")
    return value


def namespaces(value: str) -> str:
    """Names of namespaces with commas between them, each once; or nothing."""
    names = [name.strip() for name in value.split(",")] if value else []
    if not all(re.fullmatch(_NAME_IN_CLUSTER, name) for name in names):
        raise ValueError("must be names of namespaces with commas between them, such as docuchat,portal")
    return ",".join(dict.fromkeys(names))


def namespace_or_none(value: str) -> str:
    """The name of a namespace, or nothing."""
    if value and not re.fullmatch(_NAME_IN_CLUSTER, value):
        raise ValueError("must be the name of a namespace, such as docuchat-runbooks")
    return value


def object_in_cluster(value: str) -> str:
    """An object by its namespace and name, or nothing."""
    if value and not re.fullmatch(f"{_NAME_IN_CLUSTER}/{_NAME_IN_CLUSTER}", value):
        raise ValueError(
            "must be namespace and name with a slash between them, such as docuchat/docuchat-postgresql"
        )
    return value


def service_account(value: str) -> str:
    """A service account by its namespace and name, or nothing."""
    if value and not re.fullmatch(f"{_NAME_IN_CLUSTER}:{_NAME_IN_CLUSTER}", value):
        raise ValueError(
            "must be namespace and name of a service account, such as docuchat-runbooks:portal-operator"
        )
    return value


def matchers(value: str) -> str:
    """Matchers of labels, with commas between them; nothing, or with braces around them."""
    inner = value.strip("{} ,")
    position = 0
    while inner and position < len(inner):
        found = _MATCHER.match(inner, position)
        if found is None or not _is_expression(found[1], found[2][1:-1]):
            raise ValueError('must be label matchers such as namespace="docuchat-prod"')
        position = found.end()
        if position < len(inner):
            if inner[position] != ",":
                raise ValueError('must have a comma between label matchers, such as a="1", b="2"')
            position += 1
    return value


def _is_expression(operator: str, value: str) -> bool:
    if operator not in {"=~", "!~"}:
        return True
    try:
        re.compile(value)
    except re.error:
        return False
    return True


def is_weak_password(url: str) -> bool:
    """Whether a database address holds a password that is empty, short, well known, or a name that stands beside it.

    An address without any is fine: PostgreSQL knows other proofs, such as certificates.
    """
    names = _names_in(url)
    return any(
        len(password) < PASSWORD_MIN_LENGTH
        or password.lower() in KNOWN_PASSWORDS | names
        or password.isdecimal()
        or len(set(password)) < PASSWORD_MIN_LENGTH // 3
        for password in _passwords_in(url)
    )


def _names_in(url: str) -> set[str]:
    """User, host and database of an address, in lower case."""
    address, _, options = url.partition("://")[2].partition("?")
    given = " ".join(value for name, value in parse_qsl(options) if name != "password")
    return set(re.findall(r"[\w.-]+", f"{re.sub(r':[^@/]*@', ' ', address)} {given}".lower()))


def _passwords_in(url: str) -> Iterator[str]:
    """Every password of a database address, read as SQLAlchemy reads it: before the host, and among the options."""
    address = url.partition("://")[2]
    if before_host := re.match(r"[^:/]*:([^@]*)@", address):
        yield unquote(before_host[1])
        address = address[before_host.end() :]
    options = parse_qsl(address.partition("?")[2], keep_blank_values=True)
    yield from (value for name, value in options if name == "password")
