"""The history of this plugin's tables; `connectpulse upgrade` runs it."""
