"""What the product can do on this machine, as ratios measured in one run."""
