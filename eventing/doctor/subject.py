"""What there is to look at: this machine, the database, and the servers that settings and manifests name."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from eventing.doctor.check import Check
from eventing.doctor.database import database_subject, examine_database
from eventing.doctor.examination import Subject
from eventing.doctor.finding import Finding, failure, ok
from eventing.doctor.machine import examine_machine
from eventing.manifest import Document, ManifestError, read
from eventing.resources.catalogue import Catalogue
from eventing.settings import Settings


def subjects(settings: Settings, paths: Sequence[Path], *, timeout_s: float) -> list[Subject]:
    """All of them; reads the files. Manifests that are at fault are a finding, and name no servers."""
    faults: Sequence[str] = ()
    documents: list[Document] = []
    try:
        documents = read(paths, catalogue=Catalogue())
    except ManifestError as error:
        faults = error.lines
    found = [Subject("this machine", partial(examine_machine, settings)), _database(settings.resources_url, timeout_s)]
    if paths:
        found.append(Subject("manifests", partial(_manifests, documents, faults)))
    return found


def _database(url: str, timeout_s: float) -> Subject:
    try:
        password = make_url(url).password
    except (ValueError, ArgumentError) as error:
        return Subject("database", partial(_no_url, str(error)))
    return Subject(database_subject(url), partial(examine_database, url, timeout_s), secrets=[password or ""])


async def _no_url(words: str) -> AsyncIterator[Finding]:
    advice = "give --database-url sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
    yield failure(Check.DATABASE_REACHABLE, words, advice)


async def _manifests(documents: Sequence[Document], faults: Sequence[str]) -> AsyncIterator[Finding]:
    for fault in faults:
        yield failure(Check.MANIFESTS, fault, "mend it: the server refuses to start with it")
    if not faults:
        yield ok(Check.MANIFESTS, f"{len(documents)} objects can be applied")
