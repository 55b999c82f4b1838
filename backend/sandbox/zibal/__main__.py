"""``python -m backend.sandbox.zibal --port N``: the stand-in until it is ended."""

import argparse
from pathlib import Path

from backend.sandbox.serving import HOST, server_of
from backend.sandbox.zibal.app import create_app
from backend.sandbox.zibal.sessions import Behaviour


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m backend.sandbox.zibal", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--public-url", default="", help="the address under which browsers reach it")
    parser.add_argument("--state", type=Path, help="a file that keeps sessions over restarts")
    parser.add_argument(
        "--auto-reverse-s", type=float, help="give unverified money back after so many seconds"
    )
    options = parser.parse_args()
    if options.state:
        options.state.parent.mkdir(parents=True, exist_ok=True)
    app = create_app(
        public_url=options.public_url or f"http://{options.host}:{options.port}",
        state_path=options.state,
        behaviour=Behaviour(auto_reverse_s=options.auto_reverse_s),
    )
    print(f"Zibal stand-in on http://{options.host}:{options.port}", flush=True)
    server_of(app, options.port, options.host).run()


if __name__ == "__main__":
    main()
