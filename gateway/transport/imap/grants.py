"""Access tokens for a mailbox: kept in the store, renewed in time, and a clear word when a human has to come."""

from __future__ import annotations

from gateway.clock import MINUTE, SECOND
from gateway.config import Imap
from gateway.store import imap as ledger
from gateway.store import imap_grants
from gateway.store.database import Store
from gateway.store.imap_grants import ImapGrant
from gateway.transport.imap.provider import Answer, Declined, ask, credentials, provider, seconds, text
from gateway.transport.imap.trouble import LoginRefused, Trouble

EARLY_MS = MINUTE  # a token that is about to end is as good as ended
LASTS_S = 3600  # where the server does not say, RFC 6749 §5.1
ENDS_AFTER = ("refresh_token_expires_in", "refresh_expires_in")
"""How Google and Keycloak say when a grant ends."""


class Grants:
    """The grant of one mailbox. Only the holder of the folder's lease asks for tokens."""

    def __init__(self, settings: Imap, store: Store) -> None:
        self._settings = settings
        self._store = store

    def access_token(self, *, fresh: bool = False) -> str:
        """A token that is good for a minute at least; fresh: never the one we have.

        Raises LoginRefused when a human has to grant, Trouble, StoreError.
        """
        with self._store.unit("imap") as unit:
            folder = ledger.meet(unit, self._settings.name)
            grant = imap_grants.of_folder(unit, folder.id)
            now = unit.now
        if grant is None:
            raise LoginRefused(f"nobody has granted access yet: {self._remedy}")
        if not fresh and now < grant.access_until - EARLY_MS:
            return grant.access_token
        return self._renewed(grant)

    def keep(self, answer: Answer) -> None:
        """A grant has been given. Raises Trouble when it would not last."""
        refresh = text(answer, "refresh_token")
        if not refresh:
            raise Trouble("the provider gave no refresh token: does the scope ask for offline access?")
        with self._store.unit("imap") as unit:
            folder = ledger.meet(unit, self._settings.name)
            until, ends_at = self._ends(answer, unit.now)
            token = text(answer, "access_token")
            imap_grants.keep(unit, folder.id, refresh, token, until, ends_at)

    def _renewed(self, grant: ImapGrant) -> str:
        """RFC 6749 §6: with a new refresh token in the place of the used one where the server sends one."""
        form = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
        try:
            answer = ask(provider(self._settings).token_url, form | credentials(self._settings))
        except Declined as error:
            if (other := self._renewed_by_another(grant)) is not None:
                return other
            if error.error in ("temporarily_unavailable", "server_error", "slow_down"):
                raise Trouble(str(error)) from error
            raise LoginRefused(f"the grant has ended ({error}): {self._remedy}") from error
        token = text(answer, "access_token")
        if not token:
            raise Trouble("the provider sent no access token")
        columns: dict[str, str | int | None] = {}
        with self._store.unit("imap") as unit:
            until, ends_at = self._ends(answer, unit.now)
            if refresh := text(answer, "refresh_token"):
                columns["refresh_token"] = refresh
            if ends_at:
                columns |= {"ends_at": ends_at, "operator_told_at": None}
            imap_grants.renew(unit, grant, token, until, **columns)
        return token

    def _renewed_by_another(self, used: ImapGrant) -> str | None:
        """The doctor, or somebody who granted again, was quicker: a refresh token is often good for once only."""
        with self._store.reading() as unit:
            now = imap_grants.of_folder(unit, used.folder_id)
        changed = now is not None and now.refresh_token != used.refresh_token
        return now.access_token if now is not None and changed else None

    def _ends(self, answer: Answer, now: int) -> tuple[int, int]:
        """When the access token ends, and when the grant does (0: unknown)."""
        until = now + (seconds(answer, "expires_in") or LASTS_S) * SECOND
        told = next(filter(None, (seconds(answer, key) for key in ENDS_AFTER)), 0) * SECOND
        lasts = told or provider(self._settings).unused_ms
        return until, now + lasts if lasts else 0

    @property
    def _remedy(self) -> str:
        return f"helpgate imap login --desk {self._settings.desk}"
