"""The OpenAPI documents of a catalogue, by the paths under which clients ask for them. Pure."""

from dataclasses import dataclass

from eventing.resources.catalogue import Catalogue
from eventing.resources.identity import Object
from eventing.resources.openapi import v3_document, v3_index
from eventing.resources.openapi_v2 import v2_document
from eventing.resources.openapi_v2_message import encode_v2


@dataclass(frozen=True, slots=True)
class OpenApiDocuments:
    """Made anew whenever they are asked for, which takes tens of milliseconds: whoever serves them keeps them."""

    catalogue: Catalogue

    def v3_index(self) -> Object:
        """The documents there are, by path."""
        return v3_index(self.catalogue)

    def v3_document(self, path: str) -> Object | None:
        """The document of a path such as `apis/eventing.knative.dev/v1` or `api/v1`, None where there is none."""
        match path.split("/"):
            case ["api", version]:
                return v3_document(self.catalogue, "", version)
            case ["apis", group, version]:
                return v3_document(self.catalogue, group, version)
        return None

    def v2_document(self) -> Object:
        """Everything in Swagger 2.0."""
        return v2_document(self.catalogue)

    def v2_protobuf(self) -> bytes:
        """The same as the protobuf message `openapi.v2.Document`."""
        return encode_v2(self.v2_document())
