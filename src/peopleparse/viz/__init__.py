"""Pictures and files of a result: overlays, sheets, label PNGs, JSON, COCO and an HTML page."""

from peopleparse.viz.coco import encode_rle, result_to_coco
from peopleparse.viz.drawn_scene import draw_scene
from peopleparse.viz.overlay import draw_overlay
from peopleparse.viz.page import write_page
from peopleparse.viz.palette import blend, person_color
from peopleparse.viz.save import FORMATS, save_result
from peopleparse.viz.sheets import draw_scheme, draw_sheet
from peopleparse.viz.to_dict import result_to_dict

__all__ = [
    "FORMATS",
    "blend",
    "draw_overlay",
    "draw_scene",
    "draw_scheme",
    "draw_sheet",
    "encode_rle",
    "person_color",
    "result_to_coco",
    "result_to_dict",
    "save_result",
    "write_page",
]
