"""The emulator for the time of a test."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backend.sandbox.kubernetes.access import read_or_make_tokens, write_kubeconfigs
from backend.sandbox.kubernetes.app import create_app
from backend.sandbox.kubernetes.cluster import Cluster
from backend.sandbox.kubernetes.containers import Timings
from backend.sandbox.kubernetes.real_containers import RealImage
from backend.sandbox.kubernetes.tls import certificate_in
from backend.sandbox.processes import free_port
from backend.sandbox.serving import serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Address of the emulator, each account's token, and the cluster itself for what lives in its pods."""

    url: str
    tokens: dict[str, str]
    namespace: str
    cluster: Cluster


@contextmanager
def running(
    kubeconfig: Path | None = None,
    *,
    namespace: str = "docuchat",
    start_s: float = 0.2,
    images: Mapping[str, RealImage] | None = None,
    volumes: Path | None = None,
) -> Iterator[Address]:
    """An emulator in a thread of this process, ended on leaving; with TLS when a kubeconfig is wanted.

    Jobs and servers whose image is among ``images`` run as real processes, with their volumes below ``volumes``.
    """
    tokens = read_or_make_tokens(kubeconfig)
    tls = certificate_in(kubeconfig.parent) if kubeconfig else None
    timings = Timings(start_s=start_s, stop_s=0.3, job_s=1.0, backoff_s=5 * start_s, retry_s=0.5)
    app = create_app(
        tokens=tokens,
        namespace=namespace,
        timings=timings,
        pause_s=0.02,
        images=images,
        kubeconfig=kubeconfig,
        volumes=volumes,
    )
    with serving(app, free_port(), tls=tls) as url:
        if kubeconfig:
            authority = tls.certificate if tls else None
            write_kubeconfigs(kubeconfig, server=url, namespace=namespace, tokens=tokens, authority=authority)
        by_account = {account: token for token, account in tokens.items()}
        yield Address(url=url, tokens=by_account, namespace=namespace, cluster=app.state.cluster)
