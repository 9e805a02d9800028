"""Objects as the rows of a Table, with the columns of their kind. Cells hold nothing but what columns name.

Source: apiextensions-apiserver's table convertor, whose choices these are. Pure.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from eventing.apiserver.human_duration import age, moment
from eventing.apiserver.json_path import JsonPath
from eventing.apiserver.row_form import RowForm
from eventing.resources.identity import Object
from eventing.resources.kind import AGE_COLUMN, Column, Version
from eventing.store.contract import Stored

META_VERSIONS: Final = ("meta.k8s.io/v1", "meta.k8s.io/v1beta1")
_NAME_COLUMN: Final = Column(
    "Name",
    description="Name must be unique within a namespace.",
    cell=lambda item: str(item["metadata"].get("name", "")),
)
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_NUMBERS: Final = {"integer": int, "number": float, "boolean": bool}


class TableView:
    """How objects of a version are shown in Tables of a group version of `meta.k8s.io`.

    `include` is what rows hold of their objects: `Metadata`, `Object`, or `None` for nothing.
    """

    def __init__(self, version: Version, *, api_version: str = META_VERSIONS[0], include: str = "Metadata") -> None:
        self._api_version = api_version
        self._include = include
        columns = version.columns or (AGE_COLUMN,)
        self._columns = (
            columns if any(column.name == _NAME_COLUMN.name for column in columns) else (_NAME_COLUMN, *columns)
        )
        self._key = ("Table", version.name, api_version, include)
        self._paths = [None if column.cell else JsonPath.parse(column.path) for column in self._columns]

    @property
    def definitions(self) -> list[Object]:
        """The columns: the name first, where the kind does not say another place."""
        return [_definition(column) for column in self._columns]

    def table(self, rows: Sequence[Object], metadata: Object, *, has_header: bool = True) -> Object:
        """A Table of these rows."""
        return {
            "kind": "Table",
            "apiVersion": self._api_version,
            "metadata": metadata,
            "columnDefinitions": self.definitions if has_header else [],
            "rows": rows,
        }

    def rows(self, items: Iterable[Object], now: datetime) -> list[Object]:
        """One row per object; ages are as of `now`."""
        return [self.row(item, now) for item in items]

    def row(self, item: Object, now: datetime) -> Object:
        """The row of an object, which need have no name, as bookmarks have none."""
        columns = zip(self._columns, self._paths, strict=True)
        return {"cells": [_cell(column, path, item, now) for column, path in columns], "object": self._object(item)}

    def encoded(self, rows: Iterable[Stored], now: datetime) -> bytes:
        """Rows in JSON, parted by commas. Of a row all but the ages is made once, as long as its object stays."""
        now_s, key = now.timestamp(), self._key
        encoded = []
        for row in rows:
            form = row.views.get(key)
            if form is None:
                form = row.views[key] = self._form(row.item)
            encoded.append(form.filled(now_s))
        return b",".join(encoded)

    def _form(self, item: Object) -> RowForm:
        cells = []
        for column, path in zip(self._columns, self._paths, strict=True):
            then = moment(path.first(item)) if path is not None and column.type == "date" else None
            cells.append(_cell(column, path, item, _EPOCH) if then is None else then)
        return RowForm.of(cells, self._object(item))

    def _object(self, item: Object) -> Object | None:
        match self._include:
            case "Object":
                return item
            case "None":
                return None
        return partial_metadata(item, self._api_version)


def partial_metadata(item: Object, api_version: str = META_VERSIONS[0]) -> Object:
    """The object's metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": api_version, "metadata": item["metadata"]}


def _definition(column: Column) -> Object:
    words = column.description or f"Custom resource definition column (in JSONPath format): {column.path}"
    return {
        "name": column.name,
        "type": column.type,
        "format": "name" if column.name == _NAME_COLUMN.name else "",
        "description": words,
        "priority": column.priority,
    }


def _cell(column: Column, path: JsonPath | None, item: Object, now: datetime) -> Any:
    if path is None:
        assert column.cell is not None
        return column.cell(item)
    found = path.find(item)
    if not found:
        return None
    value = found[0]
    if column.type == "string":
        return _text(value)
    if column.type == "date":
        return age(value, now) if isinstance(value, str) else None
    wanted = _NUMBERS.get(column.type)
    if wanted is None or not isinstance(value, int | float) or isinstance(value, bool) is not (wanted is bool):
        return None
    return wanted(value)


def _text(value: Any) -> str:
    """As Kubernetes' JSONPath prints a value."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
