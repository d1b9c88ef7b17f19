"""The API: JSON over HTTP for machines of an organisation, each with a key of its own."""
