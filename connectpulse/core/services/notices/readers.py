"""Whom a notice is for: asked of a notice for the mail, and of an account for the panel; both say the same.

A notice for one account is theirs. One for roles goes to those who hold the role on the platform, or, if it names
an organisation, in that one; the role `*` is everybody there.
"""

MEMBERSHIPS = "SELECT m.organisation_id, m.role FROM pulse_membership m WHERE m.user_id = u.id"
PLATFORM_ROLES = (
    "SELECT r.name FROM ab_user_role ur JOIN ab_role r ON r.id = ur.role_id "
    "WHERE ur.user_id = u.id AND r.name = ANY(n.roles)"
)

READS = f"""
    CASE WHEN n.user_id IS NOT NULL THEN n.user_id = u.id
    WHEN n.organisation_id IS NULL THEN '*' = ANY(n.roles) OR EXISTS ({PLATFORM_ROLES})
    ELSE EXISTS ({MEMBERSHIPS} AND m.organisation_id = n.organisation_id
                 AND (m.role = ANY(n.roles) OR '*' = ANY(n.roles)))
    END
"""
"""Whether the account `u` reads the notice `n`."""

SORT = "CASE WHEN n.level = 'alarm' THEN 'alarms' WHEN n.kind LIKE 'news.%' THEN 'news' ELSE 'updates' END"
"""Which choice a notice falls under."""

MINE = """
    (SELECT n.* FROM pulse_notice n WHERE n.id > :since AND n.user_id = :user
     UNION ALL
     SELECT n.* FROM pulse_notice n
     WHERE n.id > :since AND n.user_id IS NULL AND n.organisation_id IS NULL AND ('*' = ANY(n.roles) OR n.roles &&
         ARRAY(SELECT r.name FROM ab_user_role ur JOIN ab_role r ON r.id = ur.role_id WHERE ur.user_id = :user))
     UNION ALL
     SELECT n.* FROM pulse_membership m JOIN pulse_notice n ON n.organisation_id = m.organisation_id
     WHERE m.user_id = :user AND n.id > :since AND n.user_id IS NULL AND (m.role = ANY(n.roles) OR '*' = ANY(n.roles)))
"""
"""The notices since `:since` of the account `:user`: the same as `READS` says, each part found by an index."""
