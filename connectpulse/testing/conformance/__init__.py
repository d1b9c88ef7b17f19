"""The conformance kit: what every plugin promises, tried on the plugin that was named.

    pytest --pyargs connectpulse.testing --pulse-plugin=<name>

It looks at the plugin as the house does: found by its entry point, alone with core, on a PostgreSQL of its own.
"""
