"""What the providers of hosted interfaces have in common: requests, a batch over a window, answers that never came."""
