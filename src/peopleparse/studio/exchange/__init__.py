"""Exchange of projects with other tools: GPS form, COCO, CVAT, Label Studio, LabelMe, Datumaro."""

from peopleparse.studio.exchange.export import export_photos
from peopleparse.studio.exchange.formats import FORMATS
from peopleparse.studio.exchange.project import export_project, import_into
from peopleparse.studio.exchange.report import Report
from peopleparse.studio.exchange.sheets import COPIES, LAYOUTS, TOGETHER

__all__ = [
    "COPIES",
    "FORMATS",
    "LAYOUTS",
    "TOGETHER",
    "Report",
    "export_photos",
    "export_project",
    "import_into",
]
