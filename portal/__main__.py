"""``python -m portal [--host H] [--port P] [--workers N]`` serves the portal, built once by ``reflex export --no-zip``.

Exit codes: 2 asked wrongly, or a wrong setting; 3 not started, for example because the port is taken. A SIGTERM stops
it when ``METRICS_HOLD_S`` is over and the requests that are under way have been answered, within ten seconds more.
"""

import argparse
from collections.abc import Sequence

from backend.config import settings_or_exit
from backend.log import configure_logging
from portal import server
from portal.http.start import refuse_wrong_start


def main(argv: Sequence[str] | None = None) -> None:
    """Serve as the command line says."""
    parser = _parser()
    asked = parser.parse_args(argv)
    settings = settings_or_exit()
    if asked.workers > 1 and not settings.redis_url.get_secret_value():
        parser.error("several workers share the state of a tab through Redis: set REDIS_URL")
    refuse_wrong_start()
    server.run(host=asked.host, port=asked.port, workers=asked.workers, hold_s=settings.metrics_hold_s)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m portal", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (8000)")
    parser.add_argument("--workers", type=int, default=1, help="processes; more than one needs REDIS_URL (1)")
    return parser


if __name__ == "__main__":
    configure_logging()
    main()
