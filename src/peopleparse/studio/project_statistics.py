"""What a project holds and how far it is: persons, parts, sizes, overlap, agreement, seconds."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import Any

from peopleparse.data.gps import record_path
from peopleparse.data.gps_record import STATUSES, scheme_of
from peopleparse.data.image_facts import facts_of_record
from peopleparse.data.statistics import Statistics, spread_of
from peopleparse.errors import DataError
from peopleparse.studio.photo_record import state_of
from peopleparse.studio.project import Project
from peopleparse.studio.review import measure_agreement
from peopleparse.web.problems import Problem

STATES = ("todo", "counted", "painting", "painted", "checked")


def measure_project(project: Project) -> dict[str, Any]:
    """Return the numbers of the statistics page, from the JSONs alone.

    `data` is `Statistics.to_dict` of the photos that were counted; photos whose JSON cannot be
    used are in `faults`. `command` makes the full page of the data set.
    """
    photo_ids = project.photo_ids()
    scheme = scheme_of("outdoor" if project.scheme.name == "gps-outdoor" else None)
    data, faults = Statistics.empty(scheme), list[str]()
    states, statuses, by_annotator = Counter[str](), Counter[str](), Counter[str]()
    seconds, spent = Counter[int](), Counter[str]()
    for photo_id in photo_ids:
        try:
            record = project.store.record(photo_id)
            state = state_of(record)
            place = str(record_path(project.folder, photo_id))
            facts = facts_of_record(record, scheme, place)
        except (DataError, Problem) as error:
            faults.append(str(error))
            continue
        states[state] += 1
        if state != "todo":
            data.add_image(facts)
        for entry in record["persons"]:
            who = str(entry.get("annotator") or "-")
            statuses[str(entry.get("status"))] += 1
            by_annotator[who] += 1
            if isinstance(entry.get("seconds"), int | float):
                seconds[round(entry["seconds"])] += 1
                spent[who] += round(entry["seconds"])
    spread = spread_of(seconds)
    return {
        "photos": len(photo_ids),
        "states": {state: states[state] for state in STATES},
        "statuses": {status: statuses[status] for status in STATUSES},
        "annotators": {
            who: {"persons": by_annotator[who], "seconds": spent[who]}
            for who in sorted(by_annotator)
        },
        "seconds": None if spread is None else vars(spread) | {"total": sum(spent.values())},
        "agreement": measure_agreement(project.store, photo_ids),
        "data": data.to_dict(),
        "faults": faults,
        "command": f"peopleparse data stats {shlex.quote(str(project.folder))} --out statistics",
    }
