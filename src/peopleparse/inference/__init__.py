"""Photos in, `ParsedPeople` out, without torch."""

from peopleparse.inference.engine import Engine, Trunk
from peopleparse.inference.folder import FolderReport, find_photos, parse_folder
from peopleparse.inference.image import read_image
from peopleparse.inference.onnx_engine import OnnxEngine
from peopleparse.inference.parser import Parser, parse
from peopleparse.inference.pipeline import Options, parse_image
from peopleparse.inference.scheme import translate_people
from peopleparse.inference.torch_engine import TorchEngine

__all__ = [
    "Engine",
    "FolderReport",
    "OnnxEngine",
    "Options",
    "Parser",
    "TorchEngine",
    "Trunk",
    "find_photos",
    "parse",
    "parse_folder",
    "parse_image",
    "read_image",
    "translate_people",
]
