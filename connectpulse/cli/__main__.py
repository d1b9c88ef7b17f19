"""`python -m connectpulse.cli`, as the processes of a site are started."""

from . import main

if __name__ == "__main__":
    main()
