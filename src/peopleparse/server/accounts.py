"""People and their teams."""

from __future__ import annotations

import secrets

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from peopleparse.server import events, logins, passwords
from peopleparse.server.database import now, reading, transaction
from peopleparse.server.names import clean_email, clean_name, fold_name, typed_email
from peopleparse.server.tables import Account, Letter, Login, Team, Token
from peopleparse.web.problems import Problem, not_found


def register(
    engine: Engine, *, email: str, name: str, password: str, is_approved: bool = False,
    is_admin: bool = False,
) -> Account | None:  # fmt: skip
    """Add an account, or return None where the address has one already: its owner gets a letter.

    Show the same page in both cases, so that nobody learns who takes part.

    Args:
        is_approved: settings.open_registration, or True where an administrator adds somebody.

    Raises:
        Problem: 422 for an address, name or password that cannot be used.
    """
    email, name = clean_email(email), clean_name(name)
    passwords.check_password(password, email, name)
    stored = passwords.hash_password(password)
    account = Account(
        email=email, name=name, password=stored, is_admin=is_admin,
        is_approved=is_approved or is_admin,
    )  # fmt: skip
    try:
        with transaction(engine) as session:
            account.created_at = now(session)
            session.add(account)
            session.flush()
            events.record(session, "account-made", account_id=account.id)
    except IntegrityError:
        with transaction(engine) as session:
            _write_letter(
                session, email, "Your account",
                "Somebody, perhaps you, wanted to make an account with this address.\n"
                "It has one already: log in, or ask an administrator for a new password.\n",
            )  # fmt: skip
        return None
    return account


def change_password(
    engine: Engine, account: Account, old: str, new: str, keep: Login | None = None
) -> None:
    """Change a password; all logins end but the one to keep, and all tokens.

    Raises:
        Problem: 403 where the old one is another, 422 for one that cannot be used.
    """
    if not passwords.is_password(old, account.password):
        raise Problem(
            403, "wrong-password", "old password must be that of the account, got another."
        )
    set_password(engine, account.id, new, keep)


def set_password(engine: Engine, account_id: int, new: str, keep: Login | None = None) -> None:
    """Set a password, by an administrator or after the old one was checked.

    Raises:
        Problem: 404 without such an account, 422 for a password that cannot be used.
    """
    with reading(engine) as session:
        account = session.get(Account, account_id)
    if account is None:
        raise not_found()
    passwords.check_password(new, account.email, account.name)
    stored = passwords.hash_password(new)
    with transaction(engine) as session:
        session.execute(update(Account).where(Account.id == account_id).values(password=stored))
        _end_logins(session, account_id, keep)
        _end_tokens(session, account_id)
        events.record(session, "password-changed", account_id=account_id)


def approve(engine: Engine, account_id: int) -> Account:
    """Let an account take part.

    Raises:
        Problem: 404 without such an account.
    """
    return _mark(engine, account_id, "account-approved", is_approved=True)


def make_admin(engine: Engine, account_id: int) -> Account:
    """Make an account an administrator.

    Raises:
        Problem: 404 without such an account.
    """
    return _mark(engine, account_id, "admin-made", is_approved=True, is_admin=True)


def enable(engine: Engine, account_id: int) -> Account:
    """Take back that an account is disabled.

    Raises:
        Problem: 404 without such an account.
    """
    return _mark(engine, account_id, "account-enabled", disabled_at=None)


def disable(engine: Engine, account_id: int) -> Account:
    """Shut an account out: its logins end, its tokens are revoked.

    Raises:
        Problem: 404 without such an account.
    """
    with transaction(engine) as session:
        at = now(session)
        _end_logins(session, account_id, None)
        _end_tokens(session, account_id)
    return _mark(engine, account_id, "account-disabled", disabled_at=at)


def find_by_email(engine: Engine, email: str) -> Account | None:
    """Return the account of an address."""
    with reading(engine) as session:
        return session.scalar(select(Account).where(Account.email == typed_email(email)))


def accounts_of(engine: Engine, team_id: int | None = None) -> list[Account]:
    """Return the accounts of a team, or all, those that wait for approval first."""
    chosen = select(Account).order_by(Account.is_approved, Account.id)
    if team_id is not None:
        chosen = chosen.where(Account.team_id == team_id)
    with reading(engine) as session:
        return list(session.scalars(chosen))


def make_team(engine: Engine, account: Account, name: str) -> tuple[Team, str]:
    """Make a team of one account; return it and its invite code, which is shown once.

    Raises:
        Problem: 409 where the account has a team or another has nearly this name, 422 for a name.
    """
    name = clean_name(name, "name of a team")
    invite = secrets.token_urlsafe(16)
    try:
        with transaction(engine) as session:
            team = Team(
                name=name, name_key=fold_name(name), invite_sha256=logins.hash_secret(invite),
                created_at=now(session),
            )  # fmt: skip
            session.add(team)
            session.flush()
            _enter(session, account, team)
            events.record(session, "team-made", account_id=account.id)
    except IntegrityError:
        raise Problem(
            409, "team-name", "name of a team must look like no other's, got one that does. "
            "Choose another.",
        ) from None  # fmt: skip
    return team, invite


def join_team(engine: Engine, account: Account, invite: str) -> Team:
    """Enter the team that an invite code is of.

    Raises:
        Problem: 409 where the account has a team, 422 for another code.
    """
    with transaction(engine) as session:
        wanted = logins.hash_secret(invite.strip())
        team = session.scalar(select(Team).where(Team.invite_sha256 == wanted))
        if team is None:
            raise Problem(
                422, "invite", "invite code must be one of a team, got another. Ask its members."
            )
        _enter(session, account, team)
        events.record(session, "team-joined", account_id=account.id)
        return team


def new_invite(engine: Engine, account: Account) -> str:
    """Return a new invite code of the account's team; the old one is void.

    Raises:
        Problem: 409 where the account has no team.
    """
    if account.team_id is None:
        raise Problem(409, "no-team", "account must have a team, got none. Make or join one.")
    invite = secrets.token_urlsafe(16)
    with transaction(engine) as session:
        values = {"invite_sha256": logins.hash_secret(invite)}
        session.execute(update(Team).where(Team.id == account.team_id).values(values))
    return invite


def _enter(session: Session, account: Account, team: Team) -> None:
    free = (Account.id == account.id) & Account.team_id.is_(None)
    done = session.execute(update(Account).where(free).values(team_id=team.id))
    if getattr(done, "rowcount", 0) != 1:
        raise Problem(
            409, "has-team", "account must be in no team yet, got one that is. "
            "A person takes part in one team only.",
        )  # fmt: skip


def _mark(engine: Engine, account_id: int, kind: str, **values: object) -> Account:
    with transaction(engine) as session:
        session.execute(update(Account).where(Account.id == account_id).values(**values))
        account = session.get(Account, account_id)
        if account is None:
            raise not_found()
        events.record(session, kind, account_id=account_id)
        return account


def _end_logins(session: Session, account_id: int, keep: Login | None) -> None:
    ended = Login.account_id == account_id
    if keep is not None:
        ended = ended & (Login.id != keep.id)
    session.execute(delete(Login).where(ended))


def _end_tokens(session: Session, account_id: int) -> None:
    alive = (Token.account_id == account_id) & Token.revoked_at.is_(None)
    session.execute(update(Token).where(alive).values(revoked_at=now(session)))


def _write_letter(session: Session, email: str, subject: str, body: str) -> None:
    session.add(Letter(created_at=now(session), recipient=email, subject=subject, body=body))
