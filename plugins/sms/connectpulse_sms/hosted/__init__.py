"""What the providers of hosted interfaces have in common: addresses, requests, and answers that never came."""
