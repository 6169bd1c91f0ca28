from __future__ import annotations

import json
import math

import numpy as np
import pytest

from peopleparse.data.formats import find_scheme
from peopleparse.errors import InputError
from peopleparse.labels import get_scheme
from peopleparse.metrics.anatomy import KINDS, AnatomyFaults, Finding, audit_people
from peopleparse.metrics.anatomy_body import KINDS as PARTS
from peopleparse.metrics.anatomy_body import SIDES, roles_of
from peopleparse.structures import ParsedPeople
from tests.metrics.anatomy_people import (
    SCHEMES,
    make_clean_group,
    make_faulty,
    make_person,
    mirror,
    render,
)
from tests.metrics.scenes import flatten

GPS = get_scheme("gps")


def _kinds(person: np.ndarray, scheme: object = GPS) -> set[str]:
    return {f.kind for f in audit_people(person[None], scheme)}  # type: ignore[arg-type]


def _stand(size: tuple[int, int] = (120, 80)) -> np.ndarray:
    """Return a person who faces the camera, in blocks: everything where it must be."""
    person = np.zeros(size, np.uint8)
    for name, y1, y2, x1, x2 in (
        ("hair", 2, 16, 34, 46), ("face", 6, 18, 36, 44), ("upper clothes", 18, 54, 28, 52),
        ("right arm", 20, 54, 22, 28), ("left arm", 20, 54, 52, 58),
        ("skirt", 54, 66, 28, 52), ("right leg", 66, 100, 30, 37), ("left leg", 66, 100, 43, 50),
        ("right shoe", 100, 108, 28, 37), ("left shoe", 100, 108, 43, 52),
    ):  # fmt: skip
        person[y1:y2, x1:x2] = GPS.id_of(name)
    return person


def _rename(person: np.ndarray, **names: str) -> np.ndarray:
    table = np.arange(256, dtype=np.uint8)
    for old, new in names.items():
        table[GPS.id_of(old.replace("_", " "))] = GPS.id_of(new) if new else 0
    return table[person]


def test_a_person_as_it_should_be() -> None:
    assert audit_people(_stand()[None], GPS) == []


def test_both_arms_on_the_wrong_side() -> None:
    person = _rename(_stand(), left_arm="right arm", right_arm="left arm")
    assert [(f.kind, f.labels, f.box, f.severity) for f in audit_people(person[None], GPS)] == [
        ("wrong_side", (14,), (22, 20, 28, 54), 1.0),
        ("wrong_side", (15,), (52, 20, 58, 54), 1.0),
    ]


def test_seen_from_behind_left_is_on_the_left() -> None:
    back = GPS.flip_table()[_rename(_stand(), face="hair")]
    assert _kinds(back) == set()
    assert _kinds(_rename(back, left_arm="right arm", right_arm="left arm")) == {"wrong_side"}


def test_one_arm_is_judged_by_a_face() -> None:
    wrong = _rename(_stand(), left_arm="", right_arm="left arm")
    (found,) = audit_people(wrong[None], GPS)
    assert found.text == "Person 1: left arm on the right side of the body."
    assert _kinds(_rename(wrong, face="hair")) == set()  # may be the back: nothing tells


def test_hands_folded_before_the_body_are_no_fault() -> None:
    person = _rename(_stand(), left_arm="", right_arm="")
    person[36:42, 29:38], person[36:42, 42:51] = GPS.id_of("left arm"), GPS.id_of("right arm")
    assert _kinds(person) == set()


def test_a_shoe_joined_to_the_face() -> None:
    person = _rename(_stand(), left_shoe="")
    person[8:16, 44:52] = GPS.id_of("left shoe")
    (found,) = audit_people(person[None], GPS)
    assert (found.kind, found.box) == ("wrong_join", (44, 8, 52, 16))
    assert found.text == "Person 1: left shoe joined to hair and face."


def test_shoes_on_each_others_legs() -> None:
    person = _rename(_stand(), left_shoe="right shoe", right_shoe="left shoe")
    texts = [f.text for f in audit_people(person[None], GPS)]
    assert texts == [
        "Person 1: left shoe joined to right leg.",
        "Person 1: right shoe joined to left leg.",
    ]


@pytest.mark.parametrize("part", ["shoe", "leg", "arm"])
def test_two_of_one_side(part: str) -> None:
    person = _rename(_stand(), **{f"right_{part}": f"left {part}"})
    found = [f for f in audit_people(person[None], GPS) if f.kind == "twin_parts"]
    assert [f.text for f in found] == [f"Person 1: two separate left {part}, no partner."]


def test_a_leg_behind_a_strap_is_one_leg() -> None:
    person = _rename(_stand(), right_leg="", right_shoe="")
    person[80:84] = 0  # across the leg: one piece above the other
    assert "twin_parts" not in _kinds(person)


def test_somebody_between_explains_two_pieces() -> None:
    person = _rename(_stand(), right_leg="left leg", right_shoe="")
    other = np.zeros_like(person)
    other[60:110, 37:43] = GPS.id_of("pants")
    assert "twin_parts" in _kinds(person)
    assert "twin_parts" not in {f.kind for f in audit_people(np.stack([person, other]), GPS)}


def _cut_leg() -> np.ndarray:
    person = _stand()
    person[66:90, 43:50] = 0
    return person


def test_a_floating_leg() -> None:
    (found,) = audit_people(_cut_leg()[None], GPS)
    assert (found.kind, found.labels, found.box) == ("floating_limb", (9, 12), (43, 90, 52, 108))
    assert found.text == "Person 1: left shoe and left leg away from the body."


def test_what_hides_the_gap_explains_it() -> None:
    person = _cut_leg()
    other = np.zeros_like(person)
    other[64:92, 40:70] = GPS.id_of("bag")
    assert audit_people(np.stack([person, other]), GPS) == []
    person[64:92, 40:70][person[64:92, 40:70] == 0] = GPS.ignore_id
    assert audit_people(person[None], GPS) == []
    parsing, instances = person.copy(), np.where(_cut_leg() > 0, 1, 0)
    assert audit_people((parsing, instances), GPS) == []


def test_the_border_of_the_image_explains_a_gap() -> None:
    person = _stand()[:, 28:]  # the arm on the image's right hangs out and comes back
    person = person[:, ::-1]
    person[30:45, -2:] = GPS.id_of("left arm")
    assert "floating_limb" not in _kinds(np.ascontiguousarray(person))


def test_a_small_gap_and_a_speck_are_no_fault() -> None:
    person = _stand()
    person[66:68, 43:50] = 0  # a line between skirt and leg
    person[115:117, 2:4] = GPS.id_of("left shoe")
    assert _kinds(person) == set()


def test_two_faces() -> None:
    person = _stand()
    person[34:46, 36:44] = GPS.id_of("face")
    (found,) = audit_people(person[None], GPS)
    assert (found.kind, found.text) == ("two_heads", "Person 1: a second face far from the first.")


def test_a_face_that_somebody_cuts_in_two_is_one() -> None:
    person = _stand()
    person[34:46, 36:44] = GPS.id_of("face")
    other = np.zeros_like(person)
    other[30:34, 30:50] = GPS.id_of("upper clothes")
    person[30:34, 30:50] = 0
    assert audit_people(np.stack([person, other]), GPS) == []


def test_legs_above_the_head() -> None:
    person = np.concatenate([_stand()[66:108][::-1], _stand()[:66]])
    assert "legs_above_head" in _kinds(person)
    assert _kinds(np.ascontiguousarray(_stand()[::-1])) <= {"wrong_side"}  # head down is no fault


def test_absent_parts_are_no_fault() -> None:
    for name in ("hair", "face", "upper clothes", "skirt", "left arm", "right leg", "left shoe"):
        gone = _rename(_stand(), **{name.replace(" ", "_"): ""})
        assert _kinds(gone) <= {"floating_limb"}, name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SCHEMES)
def test_planted_faults_are_found(kind: str, name: str) -> None:
    rng, scheme = np.random.default_rng(3), get_scheme(name)
    found = sum(kind in _kinds(make_faulty(kind, scheme, rng), scheme) for _ in range(12))
    assert found >= 11


@pytest.mark.parametrize("name", SCHEMES)
def test_people_without_faults(name: str) -> None:
    rng, scheme = np.random.default_rng(4), get_scheme(name)
    findings = [f for _ in range(15) for f in audit_people(make_clean_group(scheme, rng), scheme)]
    assert findings == []


def test_a_mirrored_person_has_the_same_faults(rng: np.random.Generator) -> None:
    for kind in KINDS:
        person = make_faulty(kind, GPS, rng)
        assert _kinds(person) == _kinds(mirror(person, GPS))


def test_scale_changes_little() -> None:
    large = _cut_leg().repeat(5, axis=0).repeat(5, axis=1)
    (small,), (found,) = audit_people(_cut_leg()[None], GPS), audit_people(large[None], GPS)
    assert (found.kind, found.labels, found.text) == (small.kind, small.labels, small.text)
    assert np.abs(np.array(found.box) - 5 * np.array(small.box)).max() < 5


def test_any_form_of_persons_gives_the_same() -> None:
    group = np.zeros((3, 130, 300), np.uint8)
    group[0, :120, :80], group[1, 5:125, 100:180] = _stand(), _cut_leg()
    group[2, :120, 200:280] = _rename(_stand(), left_arm="right arm", right_arm="left arm")
    found = audit_people(group, GPS)
    assert {(f.person, f.kind) for f in found} == {(2, "floating_limb"), (3, "wrong_side")}
    assert audit_people(flatten(group), GPS) == found
    assert audit_people(ParsedPeople.from_maps(*flatten(group))) == found
    swapped = audit_people(group[::-1], GPS)
    assert {(4 - f.person, f.kind, f.box) for f in swapped} == {
        (f.person, f.kind, f.box) for f in found
    }


def test_roles_of_every_scheme() -> None:
    told = {}
    for name in (*SCHEMES, "gps-outdoor"):
        scheme, roles = get_scheme(name), roles_of(get_scheme(name))
        told[name] = {n: divmod(int(roles[scheme.id_of(n)]), SIDES) for n in scheme.names if n}
        assert roles[0] == roles[scheme.ignore_id] == 0
    assert {n: PARTS[kind] for n, (kind, _) in told["gps"].items() if kind} == {
        "hat": "head", "hair": "head", "sunglasses": "head", "face": "face",
        "upper clothes": "trunk", "dress": "trunk", "scarf": "trunk", "skirt": "lower",
        "pants": "lower", "belt": "loose", "bag": "loose", "tie": "loose", "socks": "leg",
        "left leg": "leg", "right leg": "leg", "left arm": "arm", "right arm": "arm",
        "left shoe": "foot", "right shoe": "foot",
    }  # fmt: skip
    assert PARTS[told["mhp-v2"]["left-boot"][0]] == "foot"
    assert PARTS[told["mhp-v2"]["right-hand"][0]] == "arm"
    assert PARTS[told["mhp-v2"]["carrybag"][0]] == "loose"
    assert told["lip"]["left-arm"][1] == 1 and told["lip"]["right-arm"][1] == 2


def _fill(faults: AnatomyFaults, start: int, people: list[np.ndarray]) -> AnatomyFaults:
    for number, person in enumerate(people, start):
        faults.update(f"image{number}", person[None])
    return faults


def test_counts_and_shards() -> None:
    swapped = _rename(_stand(), left_arm="right arm", right_arm="left arm")
    people = [_stand(), _cut_leg(), swapped, np.zeros_like(swapped), _stand()[:6]]
    whole = _fill(AnatomyFaults(GPS), 0, people)
    first, second = (_fill(AnatomyFaults(GPS), n, people[n : n + 3]) for n in (0, 3))
    first.merge(second)
    scores = whole.compute()
    assert scores == first.compute()
    assert (scores.images, scores.persons, scores.unjudged, scores.faulty) == (5, 4, 1, 2)
    assert {k: n for k, n in scores.faults.items() if n} == {"wrong_side": 1, "floating_limb": 1}
    assert scores.per_hundred["wrong_side"] == 100 / 3 and scores.faulty_per_hundred == 200 / 3
    assert json.loads(json.dumps(scores.to_dict()))["definition"] == "anatomy/1"


def test_nobody_judged() -> None:
    faults = AnatomyFaults(GPS)
    assert faults.update("empty", np.zeros((0, 4, 4), np.uint8)) == []
    assert math.isnan(faults.compute().faulty_per_hundred)
    assert faults.compute().to_dict()["faulty_per_hundred"] is None


def test_errors() -> None:
    with pytest.raises(InputError, match="scheme must be given with label maps, got None"):
        audit_people(_stand()[None])
    with pytest.raises(InputError, match="labels of head, arms or legs, got 'ids:3' with"):
        AnatomyFaults(find_scheme("ids:3"))
    faults = _fill(AnatomyFaults(GPS), 0, [_stand()])
    with pytest.raises(InputError, match="image_id must be new, got 'image0'"):
        faults.update("image0", _stand()[None])
    with pytest.raises(InputError, match="one scheme 'gps', got 'lip'. Make all shards"):
        faults.merge(AnatomyFaults(get_scheme("lip")))
    with pytest.raises(InputError, match="image_id must be new, got 'image0'"):
        faults.merge(_fill(AnatomyFaults(GPS), 0, [_stand()]))
    assert faults.compute().images == 1


def test_a_finding_as_plain_values() -> None:
    found = Finding("two_heads", 1, (11,), (0, 1, 2, 3), 0.5, "Person 1: ...")
    assert json.loads(json.dumps(found.to_dict()))["box"] == [0, 1, 2, 3]


def test_drawn_people_differ(rng: np.random.Generator) -> None:
    maps = [render(make_person(rng), GPS, lambda p: p * 100 + (160, 4)) for _ in range(5)]
    assert len({m.tobytes() for m in maps}) == 5
