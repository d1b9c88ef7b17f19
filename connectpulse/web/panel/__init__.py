"""The panel: one module per noun, each a Flask-AppBuilder view that translates and calls services."""
