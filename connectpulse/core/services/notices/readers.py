"""Whom a notice is for: one statement for all, so that the panel and the mail agree.

A notice for one account is theirs. One for roles goes to those who hold a role on the platform, or the role in
the organisation it names; the role `*` is everybody there.
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
                 AND (m.role = ANY(n.roles) OR '*' = ANY(n.roles))) OR EXISTS ({PLATFORM_ROLES})
    END
"""
"""Whether the account `u` reads the notice `n`."""

SORT = "CASE WHEN n.level = 'alarm' THEN 'alarms' WHEN n.kind LIKE 'news.%' THEN 'news' ELSE 'updates' END"
"""Which choice a notice falls under."""

NEAR = """
    (n.user_id = u.id OR (n.user_id IS NULL AND (n.organisation_id IS NULL OR n.organisation_id IN (
        SELECT m.organisation_id FROM pulse_membership m WHERE m.user_id = u.id)
        OR EXISTS (SELECT 1 FROM ab_user_role ur WHERE ur.user_id = u.id))))
"""
"""A wider condition that an index answers; `READS` decides among what it finds."""
