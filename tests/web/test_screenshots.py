"""Pictures of the pages are rewritten only where somebody would see a difference."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

from tools.screenshots import differs


def picture(*, width: int = 400, text: str = "06:12:30", panel: bool = False) -> bytes:
    drawn = Image.new("RGB", (width, 300), "#ffffff")
    pen = ImageDraw.Draw(drawn)
    pen.text((10, 10), text, fill="#121826")
    if panel:
        pen.rectangle((20, 60, 380, 120), fill="#1d4ed8")
    file = io.BytesIO()
    drawn.save(file, "PNG")
    return file.getvalue()


def test_another_time_of_day_is_the_same_picture() -> None:
    assert not differs(picture(), picture(text="06:58:01"))


def test_a_new_part_of_the_page_is_another_picture() -> None:
    assert differs(picture(), picture(panel=True))


def test_another_size_is_another_picture() -> None:
    assert differs(picture(), picture(width=401))
