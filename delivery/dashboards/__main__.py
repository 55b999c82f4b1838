"""``python -m delivery.dashboards``: write every dashboard into the chart."""

from delivery.dashboards.boards import FOLDER, texts


def main() -> None:
    """Write what differs."""
    for name, text in texts().items():
        path = FOLDER / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"· {path.name} is written anew")


if __name__ == "__main__":
    main()
