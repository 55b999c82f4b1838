"""The manual's pictures, out of those that the end-to-end tests take: `python -m delivery.screenshots`.

The top of each page, as WebP, because a whole one is longer than a reader's window and a PNG four times as large.
"""

import base64
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from backend.sandbox import tools

PICTURES = Path(__file__).parents[1] / "docs" / "assets" / "screenshots"
TAKEN = tools.LOCAL / "screens"
# What a test calls a picture, and the width of its window: people at night read Persian on a phone.
SHOWN = {
    "overview": {"fa": 1280, "en": 1280},
    "usage": {"fa": 1280, "en": 1280},
    "invoice": {"fa": 1280, "en": 1280},
    "run-done": {"fa": 360, "en": 1280},
    "alerts-firing": {"fa": 360, "en": 1280},
}
_HEIGHTS = {1280: 800, 360: 740}
_QUALITY = 0.8
_TO_WEBP = """async ([png, height, quality]) => {
  const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [picture.width, Math.min(picture.height, height)];
  canvas.getContext('2d').drawImage(picture, 0, 0);
  return canvas.toDataURL('image/webp', quality).split(',')[1];
}"""


def names() -> Iterator[tuple[str, str]]:
    """Of each picture what a test calls its file, and the manual's file."""
    for name, widths in SHOWN.items():
        for lang, width in widths.items():
            yield f"{name}-{lang}-{width}.png", f"{name}-{lang}.webp"


def convert(page: Page, taken: Path, kept: Path) -> None:
    """Keep the top of one picture."""
    width = int(taken.stem.rpartition("-")[2])
    png = base64.b64encode(taken.read_bytes()).decode()
    kept.write_bytes(base64.b64decode(page.evaluate(_TO_WEBP, [png, _HEIGHTS[width], _QUALITY])))


def main() -> int:
    """Convert all of them; names what no test has taken."""
    missing = [taken for taken, _ in names() if not (TAKEN / taken).is_file()]
    if missing:
        print(f"No end-to-end test has taken these yet (`make screenshots`): {', '.join(missing)}")
        return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(tools.chromium()), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        for taken, kept in names():
            convert(page, TAKEN / taken, PICTURES / kept)
        browser.close()
    print(f"{len(list(names()))} pictures in {PICTURES}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
