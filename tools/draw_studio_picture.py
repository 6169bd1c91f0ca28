"""Write docs/images/studio-view.png: the studio's page on drawn people, one of them pointed at.

    python tools/draw_studio_picture.py

Needs Chromium, Playwright and the server install. The pictures of annotating are written by
tests/studio/test_annotate_browser_walkthrough.py.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import uvicorn
from PIL import Image
from playwright.sync_api import sync_playwright

REPO = Path(__file__).resolve().parent.parent
OUT = REPO / "docs" / "images" / "studio-view.png"

from peopleparse.studio.app import make_app  # noqa: E402
from peopleparse.studio.items import Items  # noqa: E402
from peopleparse.studio.session import Studio  # noqa: E402
from peopleparse.studio.sources import open_paths  # noqa: E402
from peopleparse.viz import draw_scene  # noqa: E402

WINDOW = {"width": 1280, "height": 720}


def main() -> None:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if program is None:
        sys.exit("Chromium must be installed, got none. apt-get install chromium")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "groups"
        for number, count in enumerate((5, 3, 4)):
            scene = draw_scene(count, (480, 720), number)
            assert scene.image is not None
            scene.save(folder, f"group-{number + 1}", ("png", "json"))
            Image.fromarray(scene.image).save(folder / f"group-{number + 1}.jpg", quality=95)
        studio = Studio(Items())
        open_paths(studio.items, [folder], None, studio.show_photo)
        server = uvicorn.Server(uvicorn.Config(make_app(studio), port=0, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            thread.join(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            take(program, f"http://127.0.0.1:{port}/")
        finally:
            server.should_exit = True
            thread.join()
    colors = Image.open(OUT).convert("RGB").quantize(192)
    colors.save(OUT, optimize=True)
    print(f"{OUT.relative_to(REPO)}: {np.array(colors).shape}, {OUT.stat().st_size} bytes")


def take(program: str, address: str) -> None:
    """Point at the second person of the first photo, and keep what is seen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport=WINDOW)
        page.goto(address)
        page.get_by_text("5 people in").wait_for()
        page.wait_for_load_state("networkidle")
        page.mouse.move(570, 420)
        page.mouse.move(575, 430)
        page.wait_for_timeout(500)
        page.screenshot(path=OUT)
        browser.close()


if __name__ == "__main__":
    main()
