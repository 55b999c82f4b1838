"""The console and the pipeline of a running stack."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from backend.config import DEFAULT_DEPLOYMENTS_TOKEN
from backend.sandbox import history
from backend.sandbox.incidents.board import Board
from backend.sandbox.incidents.cluster import ClusterHands
from backend.sandbox.incidents.console import create_console
from backend.sandbox.incidents.pipeline import Deliveries, Pipeline
from backend.sandbox.incidents.world import World
from backend.sandbox.serving import serving
from backend.sandbox.stack import Stack

_WATCH_S = 2.0


@contextmanager
def incident_console(
    stack: Stack, *, hold: Callable[[str], None], release: Callable[[str], None]
) -> Iterator[str]:
    """The console of a stack on its port, with a deployment now and then in calm times; its address."""
    is_calm = threading.Event()
    is_calm.set()
    cluster = ClusterHands(stack.kubeconfig)
    pipeline = Pipeline(cluster=cluster, portal_url=stack.web_url, token=DEFAULT_DEPLOYMENTS_TOKEN)
    world = World(
        cluster=cluster,
        pipeline=pipeline,
        openai_url=stack.openai_url,
        docuchat_urls=[stack.url_of(name) for name in history.INSTANCES],
        stop_part=hold,
        start_part=release,
        run_module=stack.run_module,
    )
    board = Board(world=world, prometheus_url=stack.prometheus_url, is_calm=is_calm)
    deliveries = Deliveries(pipeline, is_calm=is_calm)
    watching = threading.Thread(target=_watch, args=(board, deliveries.stopping), daemon=True)
    with serving(create_console(board, stack.web_url), stack.ports["console"]) as url:
        deliveries.start()
        watching.start()
        try:
            yield url
        finally:
            deliveries.stopping.set()


def _watch(board: Board, stopping: threading.Event) -> None:
    """Note when alerts come and go, also while nobody looks at the page."""
    while not stopping.wait(_WATCH_S):
        board.refresh()
