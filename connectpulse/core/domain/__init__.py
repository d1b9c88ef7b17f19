"""What the product is about, in the standard library only: no database, no web, no queue."""
