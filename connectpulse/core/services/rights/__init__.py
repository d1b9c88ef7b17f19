"""Subject rights: one intake for what people ask about their data, a plan two people agree on, and its doing.

A request goes `intake` → `proof` → `planning` → (a second person) → `carrying`, which calls `copying`,
`correcting`, `objecting` or `erasing`. `replaying` and `scrubbing` are what restoring a backup needs.
"""
