"""``python -m backend.sandbox.kubernetes --port N --kubeconfig PATH``: the emulator until it is ended."""

import argparse
from pathlib import Path

import orjson

from backend.sandbox.kubernetes.access import read_or_make_tokens, write_kubeconfigs
from backend.sandbox.kubernetes.app import create_app
from backend.sandbox.kubernetes.real_containers import RealImage
from backend.sandbox.kubernetes.tls import certificate_in
from backend.sandbox.serving import HOST, server_of


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m backend.sandbox.kubernetes", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--public-host", default="", help="the name by which clients reach it")
    parser.add_argument("--kubeconfig", type=Path, help="a file for kubectl; its tokens survive a restart")
    parser.add_argument(
        "--images", type=Path, help="JSON: image to cwd, env, entrypoint; Jobs with it run as real processes"
    )
    parser.add_argument("--namespace", default="docuchat")
    options = parser.parse_args()
    tls = certificate_in(options.kubeconfig.parent, options.public_host) if options.kubeconfig else None
    url = f"{'https' if tls else 'http'}://{options.public_host or options.host}:{options.port}"
    tokens = read_or_make_tokens(options.kubeconfig)
    if options.kubeconfig:
        authority = tls.certificate if tls else None
        write_kubeconfigs(
            options.kubeconfig, server=url, namespace=options.namespace, tokens=tokens, authority=authority
        )
    print(f"Kubernetes emulator on {url}", flush=True)
    known = orjson.loads(options.images.read_bytes()) if options.images else {}
    images = {name: RealImage(**how) for name, how in known.items()}
    app = create_app(tokens=tokens, namespace=options.namespace, images=images, kubeconfig=options.kubeconfig)
    server_of(app, options.port, options.host, tls=tls).run()


if __name__ == "__main__":
    main()
