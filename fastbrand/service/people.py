"""``people.yaml``: who may act, and in which roles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastbrand.domain.errors import InputError, NotPermitted
from fastbrand.domain.people import MAY, Action, Identity, Role, role_for


@dataclass(frozen=True, slots=True)
class People:
    """The identities of ``people.yaml``, and who acts when nobody is named (None: ``--as`` is mandatory)."""

    path: Path
    by_id: dict[str, Identity]
    development: str | None

    def identify(self, name: str | None) -> Identity:
        """The identity called ``name`` (or the development one). Raises ``NotPermitted`` for somebody unknown."""
        wanted = name or self.development
        if wanted is None:
            raise NotPermitted("nobody is named", hint="say who acts: `--as NAME` or FASTBRAND_ACTOR")
        identity = self.by_id.get(wanted)
        if identity is None:
            raise NotPermitted(
                f"`{wanted[:80]}` is not in `{self.path.name}`",
                hint=f"known are: {', '.join(sorted(self.by_id))}; add a line for that name, or name somebody else",
            )
        return identity

    def able(self, action: Action, wanted: str | None = None) -> list[str]:
        """Who may do ``action``, with what waits for the role ``wanted``."""
        return sorted(each.id for each in self.by_id.values() if role_for(each, action, wanted))

    def permit(self, name: str | None, action: Action, wanted: str | None = None) -> tuple[Identity, Role]:
        """The identity and the role in which it may do ``action``, with what waits for the role ``wanted``.

        Raises ``NotPermitted``.
        """
        identity = self.identify(name)
        role = role_for(identity, action, wanted)
        if role is None:
            needed = f"`{wanted}`" if wanted else " or ".join(sorted(f"`{each}`" for each in MAY[action]))
            fit = self.able(action, wanted)
            raise NotPermitted(
                f"`{identity.id}` may not do `{action}`: it takes the role {needed}",
                hint=f"these may: {', '.join(fit) or 'nobody'}",
            )
        return identity, role


def load_people(path: Path) -> People:
    """Read ``people.yaml``. Raises ``InputError`` that names the place and the mend."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        data = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"`{path}` is not there", hint="name one with FASTBRAND_PEOPLE") from error
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"`{path}` cannot be read: {first}", hint="it is a YAML file in UTF-8") from error
    if not isinstance(data, dict) or not isinstance(data.get("people"), dict):
        raise InputError(f"`{path}` has no `people`", hint="write `people: {NAME: {name: …, roles: [staff]}}`")
    by_id = {str(key): _identity(path, str(key), value) for key, value in data["people"].items()}
    development = data.get("development")
    if development is not None and development not in by_id:
        raise InputError(f"`development: {development}` in `{path}` is nobody in `people`", hint="name one of them")
    return People(path, by_id, development)


def _identity(path: Path, key: str, value: Any) -> Identity:
    roles = value.get("roles") if isinstance(value, dict) else None
    if not isinstance(roles, list) or not roles:
        raise InputError(f"`{key}` in `{path}` has no roles", hint="write `roles: [staff]`")
    known = {str(role) for role in Role}
    for role in roles:
        if role not in known:
            raise InputError(f"`{role}` of `{key}` in `{path}` is not a role", hint=f"roles are {', '.join(known)}")
    queues = value.get("queues", [])
    if not isinstance(queues, list) or not all(isinstance(queue, str) and queue for queue in queues):
        raise InputError(f"`queues` of `{key}` in `{path}` is not a list of names", hint="write `queues: [vetting]`")
    return Identity(
        key, str(value.get("name", key)), frozenset(Role(role) for role in roles), frozenset(map(str, queues))
    )
