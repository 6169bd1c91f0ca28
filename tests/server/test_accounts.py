"""Accounts and teams: clean words, one team a person, nobody learns who takes part."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, func, select

from peopleparse.server import accounts, logins, passwords, tokens
from peopleparse.server.database import reading
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Account, Event, Letter, Team
from peopleparse.web.problems import Problem

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", (1 << 4, 8, 1))


def add(engine: Engine, name: str = "ada") -> Account:
    made = accounts.register(
        engine, email=f"{name}@example.org", name=name, password=PASSWORD, is_approved=True
    )
    assert made is not None
    return made


def again(engine: Engine, account: Account) -> Account:
    found = accounts.find_by_email(engine, account.email)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text",
    [
        "ada", "ada@host", "a b@example.org", "ada@example.org\r\nBcc: eve@example.org",
        "ada@example.org\0", "ada@exаmple.org", "ada@@example.org", ".ada@example.org",
        "ada@example..org", "ada@-x.org", "<ada@example.org>", "ada@example.org,eve@example.org",
        f"{'a' * 250}@example.org", "", "ada\u202e@example.org", "ada@127.0.0.1",
    ],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Problem, match="e-mail must be an address such as ada@example.org, got"):
        accounts.clean_email(text)


def test_addresses_are_lower_case() -> None:
    assert accounts.clean_email(" Ada.B+c@Example.ORG ") == "ada.b+c@example.org"


@pytest.mark.parametrize("text", ["a\u202eb", "a\u200bb", "a\0b", "a\ud800", "a\u2066b", "\ue000"])
def test_names_have_letters_that_can_be_seen(text: str) -> None:
    with pytest.raises(Problem, match=r"name must be of letters that can be seen, got U\+"):
        accounts.clean_name(text)


@pytest.mark.parametrize("text", ["", "  ", "x" * 81])
def test_names_have_a_length(text: str) -> None:
    with pytest.raises(Problem, match="name of a team must be of 1 to 80 characters, got"):
        accounts.clean_name(text, "name of a team")


def test_names_are_composed_and_single_spaced() -> None:
    assert accounts.clean_name("  Ada \n  Lovela\u0301ce ") == "Ada Lovel\u00e1ce"


@pytest.mark.parametrize(
    "twin", ["foxes", "F o x e s", "Fоxеs", "FOXES!", "Ｆｏｘｅｓ", "Föxes", "F0xes"]
)
def test_look_alikes_fold_to_one(twin: str) -> None:
    assert accounts.fold_name(twin) == accounts.fold_name("Foxes")


def test_names_without_letters_still_differ() -> None:
    assert accounts.fold_name("!!") != accounts.fold_name("??")


def test_a_second_account_of_an_address_is_told_to_its_owner_alone(engine: Engine) -> None:
    assert add(engine).is_approved
    twice = accounts.register(engine, email="ADA@example.org", name="Eve", password=PASSWORD)
    assert twice is None
    with reading(engine) as session:
        letters = session.scalars(select(Letter)).all()
        assert [letter.recipient for letter in letters] == ["ada@example.org"]
        assert session.scalar(select(func.count(Account.id))) == 1


def test_approval_and_administrators(engine: Engine) -> None:
    made = accounts.register(engine, email="ada@example.org", name="Ada", password=PASSWORD)
    assert made is not None and not made.is_approved and not made.is_admin
    assert accounts.approve(engine, made.id).is_approved
    assert accounts.make_admin(engine, made.id).is_admin
    with reading(engine) as session:
        kinds = session.scalars(select(Event.kind).order_by(Event.id)).all()
    assert kinds == ["account-made", "account-approved", "admin-made"]


@pytest.mark.parametrize(
    "change", [accounts.approve, accounts.make_admin, accounts.enable, accounts.disable]
)
def test_changes_of_nobody(engine: Engine, change: object) -> None:
    with pytest.raises(Problem, match="page must exist and be yours to see"):
        change(engine, 12345)  # type: ignore[operator]


def test_a_disabled_account_is_out_at_once(engine: Engine, settings: Settings) -> None:
    ada = add(engine)
    _, secret = logins.log_in(engine, settings, ada.email, PASSWORD)
    _, token = tokens.make(engine, ada, "laptop")
    accounts.disable(engine, ada.id)
    assert logins.find(engine, secret) is None
    with pytest.raises(Problem, match="token must be a valid one"):
        tokens.find(engine, f"Bearer {token}")
    with pytest.raises(Problem, match="e-mail and password must be those of an account"):
        logins.log_in(engine, settings, ada.email, PASSWORD)
    accounts.enable(engine, ada.id)
    assert logins.find(engine, secret) is None, "an old login does not come back"
    assert logins.log_in(engine, settings, ada.email, PASSWORD)[0].id == ada.id


def test_a_new_password_ends_other_logins_and_all_tokens(
    engine: Engine, settings: Settings
) -> None:
    ada = add(engine)
    _, here = logins.log_in(engine, settings, ada.email, PASSWORD)
    _, there = logins.log_in(engine, settings, ada.email, PASSWORD)
    _, token = tokens.make(engine, ada, "laptop")
    found = logins.find(engine, here)
    assert found is not None
    with pytest.raises(Problem, match="old password must be that of the account, got another"):
        accounts.change_password(engine, ada, "wrong horse battery", "new horse battery")
    accounts.change_password(engine, ada, PASSWORD, "new horse battery", keep=found[1])
    assert logins.find(engine, here) is not None and logins.find(engine, there) is None
    with pytest.raises(Problem, match="token must be a valid one"):
        tokens.find(engine, f"Bearer {token}")
    assert logins.log_in(engine, settings, ada.email, "new horse battery")


def test_set_password_of_nobody(engine: Engine) -> None:
    with pytest.raises(Problem, match="page must exist"):
        accounts.set_password(engine, 12345, PASSWORD)


def test_one_team_a_person(engine: Engine) -> None:
    ada, bob = add(engine), add(engine, "bob")
    team, invite = accounts.make_team(engine, ada, "Foxes")
    assert accounts.join_team(engine, bob, f" {invite} ").id == team.id
    assert [one.name for one in accounts.accounts_of(engine, team.id)] == ["ada", "bob"]
    # With what they looked like before, too: the statement decides.
    for action in (
        lambda: accounts.make_team(engine, bob, "Hares"),
        lambda: accounts.join_team(engine, bob, invite),
    ):
        with pytest.raises(Problem, match="account must be in no team yet, got one that is"):
            action()
    with reading(engine) as session:
        assert session.scalar(select(func.count(Team.id))) == 1, "nothing half made"


def test_teams_that_look_alike_are_refused(engine: Engine) -> None:
    accounts.make_team(engine, add(engine), "Foxes")
    with pytest.raises(Problem, match="name of a team must look like no other's, got one that"):
        accounts.make_team(engine, add(engine, "bob"), "Fоxes")


def test_a_new_invite_code_voids_the_old_one(engine: Engine) -> None:
    ada, bob = add(engine), add(engine, "bob")
    with pytest.raises(Problem, match="account must have a team, got none"):
        accounts.new_invite(engine, ada)
    _, old = accounts.make_team(engine, ada, "Foxes")
    new = accounts.new_invite(engine, again(engine, ada))
    with pytest.raises(Problem, match="invite code must be one of a team, got another"):
        accounts.join_team(engine, bob, old)
    assert accounts.join_team(engine, bob, new).name == "Foxes"
    with reading(engine) as session:
        assert new not in str(session.scalar(select(Team.invite_sha256)))
