"""Kafka's jars, from Maven Central, in the user's cache folder."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.rig.cache import cache_folder, install

VERSION: Final = "4.3.1"
_POM: Final = """<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>rig</groupId><artifactId>rig</artifactId><version>1</version>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
"""


def kafka_jars() -> Path:
    """The folder of the jars, whether or not it is there."""
    return cache_folder() / f"kafka-{VERSION}"


def has_kafka() -> bool:
    """Whether a server can be started: Java and the jars are there."""
    return shutil.which("java") is not None and kafka_jars().is_dir()


def fetch_kafka_jars() -> None:
    """Have Maven bring them, unless they are there. Raises CalledProcessError."""
    install(kafka_jars(), _fetch)


def _fetch(folder: Path) -> None:
    pom = folder / "pom.xml"
    pom.write_text(_POM.format(version=VERSION))
    command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "MAVEN_OPTS": "-Xmx256m"})
    pom.unlink()
