"""What DNS says of the domains that letters are sent from, and what should be there."""
