"""Who may do what: roles, identities and the table action -> roles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person is trusted with."""

    STAFF = "staff"
    REVIEWER = "reviewer"
    POLICY_EDITOR = "policy_editor"
    POLICY_APPROVER = "policy_approver"
    AUDITOR = "auditor"
    FINANCE = "finance"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Identity:
    """A person in ``people.yaml``: the key is the identity that four eyes compares.

    ``queues``: those from which the person is handed the next case; none named: every queue of the person's roles.
    """

    id: str
    name: str
    roles: frozenset[Role]
    queues: frozenset[str] = frozenset()


CASE_ROLES = (Role.STAFF, Role.REVIEWER, Role.FINANCE, Role.ADMIN)
"""Roles that a case may wait for."""


def fits(role: str, wanted: str) -> bool:
    """Whether who acts as ``role`` may take what waits for ``wanted``: a reviewer may take what waits for staff."""
    return role == wanted or (role == Role.REVIEWER and wanted == Role.STAFF)


class Action(StrEnum):
    """What a person can ask for; each has a row in ``MAY``."""

    PARTY_APPLY = "party:apply"
    AUDIENCE_IMPORT = "audience:import"
    PARTY_IMPORT = "party:import"
    PARTY_NOMINATE = "party:nominate"
    PARTY_INVITE = "party:invite"
    PARTY_WITHDRAW = "party:withdraw"
    PARTY_APPEAL = "party:appeal"
    PARTY_REVIEW = "party:review"
    PLAN_PROPOSE = "plan:propose"
    PLAN_SETTLE = "plan:settle"
    UPKEEP_RUN = "upkeep:run"
    BONUS_RUN = "bonus:run"
    FACTS_SET = "facts:set"
    FACTS_IMPORT = "facts:import"
    DOCUMENT_ADD = "document:add"
    DOCUMENT_WITHDRAW = "document:withdraw"
    DOCUMENT_READ = "document:read"
    CASE_CLAIM = "case:claim"
    CASE_REQUEST_INFO = "case:request_info"
    CASE_ANSWER = "case:answer"
    CASE_PROPOSE = "case:propose"
    CASE_OVERRIDE = "case:override"
    CASE_RELEASE = "case:release"
    CASE_CONFIRM = "case:confirm"
    CASE_RETURN = "case:return"
    GRANT_CONFIRM = "grant:confirm"
    GRANT_CONSUME = "grant:consume"
    GRANT_CLAWBACK = "grant:clawback"
    GRANT_CLAWBACK_CONFIRM = "grant:clawback_confirm"
    POOL_TOP_UP = "pool:top_up"
    POOL_TOP_UP_CONFIRM = "pool:top_up_confirm"
    PROVIDER_REGISTER = "provider:register"
    PROVIDER_EDIT = "provider:edit"
    PROVIDER_MATCH = "provider:match"
    PROVIDER_ACCEPT = "provider:accept"
    PROVIDER_DECLINE = "provider:decline"
    PROVIDER_END = "provider:end"
    TALENT_REGISTER = "talent:register"
    RULEBOOK_RELEASE = "rulebook:release"
    RULEBOOK_APPROVE = "rulebook:approve"
    RULEBOOK_ROLLBACK = "rulebook:rollback"
    RULEBOOK_CANCEL = "rulebook:cancel"


_STAFF = frozenset({Role.STAFF, Role.REVIEWER})
_CASES = frozenset(CASE_ROLES)
MAY: dict[Action, frozenset[Role]] = {
    Action.PARTY_APPLY: _STAFF,
    Action.AUDIENCE_IMPORT: _STAFF,
    Action.PARTY_IMPORT: _STAFF,
    Action.PARTY_NOMINATE: _STAFF,
    Action.PARTY_INVITE: _STAFF,
    Action.PARTY_WITHDRAW: _STAFF,
    Action.PARTY_APPEAL: _STAFF,
    Action.PARTY_REVIEW: _STAFF,
    Action.PLAN_PROPOSE: _STAFF,
    Action.PLAN_SETTLE: frozenset({Role.REVIEWER}),
    Action.UPKEEP_RUN: _STAFF | {Role.ADMIN},
    Action.BONUS_RUN: frozenset({Role.FINANCE, Role.ADMIN}),
    Action.FACTS_SET: _STAFF,
    Action.FACTS_IMPORT: _STAFF,
    Action.DOCUMENT_ADD: _STAFF,
    Action.DOCUMENT_WITHDRAW: frozenset({Role.REVIEWER}),
    Action.DOCUMENT_READ: _STAFF | {Role.AUDITOR},
    Action.CASE_CLAIM: _CASES,
    Action.CASE_RELEASE: _CASES,
    Action.CASE_REQUEST_INFO: _CASES,
    Action.CASE_ANSWER: _STAFF,
    Action.CASE_PROPOSE: _CASES,
    Action.CASE_OVERRIDE: _CASES,
    Action.CASE_CONFIRM: frozenset({Role.REVIEWER}),
    Action.CASE_RETURN: frozenset({Role.REVIEWER}),
    Action.GRANT_CONFIRM: frozenset({Role.FINANCE}),
    Action.GRANT_CONSUME: frozenset({Role.FINANCE}),
    Action.GRANT_CLAWBACK: frozenset({Role.FINANCE}),
    Action.GRANT_CLAWBACK_CONFIRM: frozenset({Role.FINANCE}),
    Action.POOL_TOP_UP: frozenset({Role.FINANCE}),
    Action.POOL_TOP_UP_CONFIRM: frozenset({Role.FINANCE}),
    Action.PROVIDER_REGISTER: _STAFF,
    Action.PROVIDER_EDIT: _STAFF,
    Action.PROVIDER_MATCH: _STAFF,
    Action.PROVIDER_ACCEPT: _STAFF,
    Action.PROVIDER_DECLINE: _STAFF,
    Action.PROVIDER_END: _STAFF,
    Action.TALENT_REGISTER: _STAFF,
    Action.RULEBOOK_RELEASE: frozenset({Role.POLICY_EDITOR}),
    Action.RULEBOOK_APPROVE: frozenset({Role.POLICY_APPROVER}),
    Action.RULEBOOK_ROLLBACK: frozenset({Role.POLICY_APPROVER}),
    Action.RULEBOOK_CANCEL: frozenset({Role.POLICY_APPROVER, Role.POLICY_EDITOR}),  # of editors, who released it
}


def role_for(identity: Identity, action: Action, wanted: str | None = None) -> Role | None:
    """The role in which ``identity`` may do ``action`` (first by name), or None where it may not.

    ``wanted``: only a role that may take what waits for this one, the very one before another.
    """
    fit = sorted(identity.roles & MAY[action])
    if wanted is not None:
        fit = sorted((each for each in fit if fits(each, wanted)), key=lambda each: each != wanted)
    return fit[0] if fit else None
