"""The OpenAPI documents, as a server asks for them."""

from eventing.resources.catalogue import Catalogue
from eventing.resources.openapi_document import OpenApiDocuments
from eventing.resources.openapi_v2_message import encode_v2

DOCUMENTS = OpenApiDocuments(Catalogue())


def test_every_path_of_the_index_has_its_document() -> None:
    """And no other path has one."""
    for path in DOCUMENTS.v3_index()["paths"]:
        document = DOCUMENTS.v3_document(path)
        assert document is not None
        assert all(one.startswith(f"/{path}/") for one in document["paths"])
    for path in ("", "api", "api/v2", "apis/v1", "apis/eventing.knative.dev/v1/brokers", "version/v1"):
        assert DOCUMENTS.v3_document(path) is None


def test_the_older_document_comes_in_two_forms() -> None:
    """They say the same."""
    assert DOCUMENTS.v2_protobuf() == encode_v2(DOCUMENTS.v2_document())
