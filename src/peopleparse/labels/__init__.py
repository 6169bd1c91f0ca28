"""Label schemes as tables, and translation between them with a report of what is lost."""

from peopleparse.labels.scheme import Label, Scheme, get_scheme, scheme_names, scheme_title
from peopleparse.labels.translation import LossReport, Translation, get_translation, translate

__all__ = [
    "Label",
    "LossReport",
    "Scheme",
    "Translation",
    "get_scheme",
    "get_translation",
    "scheme_names",
    "scheme_title",
    "translate",
]
