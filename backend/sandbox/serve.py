"""``python -m backend.sandbox.serve NAME``: one stand-in on its fixed port, as a container of ``compose.yaml`` runs it.

``--check`` asks whether the one on this machine answers instead: exit code 0 when it does.
"""

import argparse
import os
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

SMTP_PORT = 1025
_CHECK_TIMEOUT_S = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """A stand-in: its module, its port, the path that tells of its health, and its further arguments."""

    module: str
    port: int
    health: str = "/"
    is_tls: bool = False
    arguments: Callable[[argparse.Namespace], Sequence[str]] = lambda _given: ()


STAND_INS = {
    "mail": StandIn(
        module="backend.sandbox.mail",
        port=8025,
        arguments=lambda given: (f"--smtp-port={given.smtp_port}", f"--folder={given.folder / 'mail'}"),
    ),
    "gateway": StandIn(
        module="backend.sandbox.zibal",
        port=8090,
        arguments=lambda given: (
            f"--public-url=http://127.0.0.1:{given.port}",
            f"--state={given.folder / 'gateway.json'}",
        ),
    ),
    "openai": StandIn(module="backend.sandbox.openai", port=8091, health="/sandbox/ledger"),
    "kubernetes": StandIn(
        module="backend.sandbox.kubernetes",
        port=6443,
        health="/version",
        is_tls=True,
        arguments=lambda given: (
            f"--kubeconfig={given.folder / 'kubeconfig'}",
            *((f"--public-host={given.public_host}",) if given.public_host else ()),
        ),
    ),
    "docuchat": StandIn(
        module="backend.sandbox.docuchat",
        port=8080,
        health="/health",
        arguments=lambda given: (f"--openai-url={given.openai_url}",),
    ),
}


def command(given: argparse.Namespace) -> list[str]:
    """The command that runs a stand-in."""
    one = STAND_INS[given.name]
    address = (f"--host={given.host}", f"--port={given.port}")
    return [sys.executable, "-m", one.module, *address, *one.arguments(given)]


def answers(one: StandIn, port: int) -> bool:
    """Whether something answers on the port without an error of its own; refusing a stranger is an answer."""
    # The emulator signs its certificate itself, and nothing secret is asked.
    context = ssl._create_unverified_context() if one.is_tls else None  # noqa: S323, SLF001 - as above
    url = f"{'https' if one.is_tls else 'http'}://127.0.0.1:{port}{one.health}"
    try:
        with urllib.request.urlopen(url, timeout=_CHECK_TIMEOUT_S, context=context):  # noqa: S310 - our own port
            return True
    except urllib.error.HTTPError as answer:
        return answer.code < HTTPStatus.INTERNAL_SERVER_ERROR
    except OSError:
        return False


def main(argv: Sequence[str] | None = None) -> int:  # noqa: RET503 - what is started never returns
    """The command line. A stand-in that is started takes this process's place."""
    given = _parser().parse_args(argv)
    given.port = given.port or STAND_INS[given.name].port
    if given.check:
        return 0 if answers(STAND_INS[given.name], given.port) else 1
    given.folder.mkdir(parents=True, exist_ok=True)
    os.execv(sys.executable, command(given))  # noqa: S606 - our own module


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.sandbox.serve", description=__doc__)
    parser.add_argument("name", choices=STAND_INS)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, help="another port than its own")
    parser.add_argument(
        "--folder", type=Path, default=Path(".local/stand-ins"), help="where it keeps its files"
    )
    parser.add_argument("--smtp-port", type=int, default=SMTP_PORT, help="of the mail server (1025)")
    parser.add_argument("--openai-url", default="http://127.0.0.1:8091/v1", help="whom DocuChat asks")
    parser.add_argument("--public-host", default="", help="the name by which clients reach the cluster")
    parser.add_argument("--check", action="store_true", help="only ask whether it answers")
    return parser


if __name__ == "__main__":
    sys.exit(main())
