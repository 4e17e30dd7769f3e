"""The view behind the entitlements: which user reaches which role through which grant.

Who (directly, by a group) times what (one account; any account with one role's name; any account
with any role): six branches, so that each finds its rows by an index.
"""

from collections.abc import Mapping

NAME = "accounts_grantedrole"

_SUBJECTS: Mapping[str, str] = {
    "g.user_id": "accounts_grant g",
    "m.user_id": "accounts_membership m {join} accounts_grant g ON g.group_id = m.group_id",
}

_REACHES = (
    """{join} accounts_account a ON a.account_id = g.account_id
       {join} accounts_role r ON r.account_id = a.account_id
           AND (g.role_name = '*' OR r.name = g.role_name)
       WHERE g.account_id IS NOT NULL""",
    """{join} accounts_role r ON r.name = g.role_name
       {join} accounts_account a ON a.account_id = r.account_id
       WHERE g.account_id IS NULL AND g.role_name <> '*' AND {tags_match}""",
    """{join} accounts_account a ON {tags_match}
       {join} accounts_role r ON r.account_id = a.account_id
       WHERE g.account_id IS NULL AND g.role_name = '*'""",
)


def create_statement(*, join: str, tags_match: str) -> str:
    """Return the view's statement in a database's own words.

    ``tags_match`` says that the account ``a`` carries every tag that the grant ``g`` names (a
    grant without tags: any account).
    """
    branches = [
        # Every part is written in this module or its two callers; nothing from outside gets in.
        f"""SELECT {user} AS user_id, r.id AS role_id, g.id AS grant_id,
            r.account_id AS account_id, a.alias AS account_alias, r.name AS role_name
            FROM {subject} {reach} AND {user} IS NOT NULL"""  # noqa: S608
        for user, subject in _SUBJECTS.items()
        for reach in _REACHES
    ]
    return f"CREATE VIEW {NAME} AS " + " UNION ALL ".join(branches).format(
        join=join, tags_match=tags_match
    )
