"""Who may do what in the panel, and how they prove who they are."""
