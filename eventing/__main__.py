"""`python -m eventing` is `eventing`."""

from eventing.cli import main

if __name__ == "__main__":
    main()
