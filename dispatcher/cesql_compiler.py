"""From a CESQL expression to a Python function that tells whether an event matches, as fast as Python can.

The generated code is flat: each operation is a statement, each attribute is fetched once, and AND and OR leave early.
What needs a scope of its own (a chain inside an operation, an IN with computed elements) becomes a routine of its own,
so that neither long nor nested expressions meet a limit of Python's compiler. Nothing of an expression enters the code
but names made here and the `repr` of constants. Pure.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from channels.event import Event
from dispatcher import cesql_pattern, cesql_runtime
from dispatcher.cesql_analysis import kind_of
from dispatcher.cesql_function import find
from dispatcher.cesql_syntax import (
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Exists,
    In,
    Kind,
    Like,
    Literal,
    Logic,
    Negate,
    Node,
    Not,
)

_RUNTIME: Final = {
    name: getattr(cesql_runtime, name)
    for name in ("Fault", "arithmetic", "boolean", "contains", "equal", "integer", "invert", "negate", "text")
}


def compile_match(node: Node) -> Callable[[Event], bool]:
    """A function that is true where the node yields a Boolean true without an error. It never raises."""
    program = _Program()
    root = _Routine(program, "return False")
    root.finish(_verdict(root, node))
    source = [
        *program.lines,
        "def matches(event):",
        "    get = event.get",
        "    try:",
        *("        " + line for line in root.lines),
        "    except Fault:",
        "        return False",
    ]
    exec(compile("\n".join(source), "<cesql>", "exec"), program.namespace)  # noqa: S102 - no text of the user's is code
    return cast("Callable[[Event], bool]", program.namespace["matches"])


def _verdict(root: "_Routine", node: Node) -> str:
    if isinstance(node, Logic):
        return root.chain(node)
    kind = kind_of(node)
    if kind is bool:
        return root.code(node)
    return "False" if kind else f"{root.atom(node)} is True"


class _Program:
    """Routines and constants that one generated module consists of."""

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = dict(_RUNTIME)
        self.lines: list[str] = []

    def constant(self, value: object) -> str:
        """A name for an object that has no literal."""
        name = f"k{len(self.namespace)}"
        self.namespace[name] = value
        return name

    def define(self, routine: "_Routine") -> str:
        """A call of the routine, which is now part of the module."""
        name = self.constant(None)
        self.lines += [f"def {name}(get):", *("    " + line for line in routine.lines)]
        return f"{name}(get)"


class _Routine:
    """The body of one function, written from top to bottom: what a statement finds, all before it have left behind.

    `failure` is the statement for what fails often enough that raising would be slow.
    """

    def __init__(self, program: _Program, failure: str | None = None) -> None:
        self._program = program
        self._failure = failure
        self._locals = 0
        self._raw: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self.lines: list[str] = []

    def finish(self, code: str) -> None:
        """Return what that code yields."""
        self.lines.append(f"return {code}")

    def code(self, node: Node) -> str:
        """Python code that yields the node's value: to be used once, at once, within other code in parentheses."""
        match node:
            case Literal():
                return repr(node.value)
            case Attribute():
                return self._attribute(node.name)
            case Exists():
                return f"get({node.name!r}) is not None"
            case Not():
                is_boolean = kind_of(node.operand) is bool
                return f"not ({self.code(node.operand)})" if is_boolean else f"invert({self.atom(node.operand)})"
            case Negate():
                return f"negate({self.atom(node.operand)})"
            case Arithmetic():
                return f"arithmetic({node.operator!r}, {self.atom(node.left)}, {self.atom(node.right)})"
            case Comparison():
                return self._comparison(node)
            case Like():
                return self._like(node)
            case In():
                return self._negated(self._in(node), node.negated)
            case Call():
                return self._call(node)
            case _:
                inner = _Routine(self._program)
                inner.finish(inner.chain(node))
                return self._program.define(inner)

    def atom(self, node: Node) -> str:
        """A name or literal that holds the node's value."""
        return self.code(node) if isinstance(node, Literal | Attribute) else self._local(self.code(node))

    def chain(self, node: Logic) -> str:
        """Statements that leave once the chain is decided, and code for what is left. XOR turns over the rest."""
        flipped = ""
        operands, operators = _tail_merged(node)
        for operand, operator in zip(operands, operators, strict=False):
            held = self._truth(operand)
            if operator == "AND":
                self.lines.append(f"if not ({held}): return {'flipped' if flipped else 'False'}")
            elif operator == "OR":
                self.lines.append(f"if {held}: return {'not flipped' if flipped else 'True'}")
            else:
                self.lines.append(f"flipped = {flipped}({held})")
                flipped = "flipped != "
        return f"{flipped}({self._truth(operands[-1])})"

    def _local(self, code: str) -> str:
        name = f"v{self._locals}"
        self._locals += 1
        self.lines.append(f"{name} = {code}")
        return name

    def _fail(self, kind: str, name: str) -> str:
        return self._failure or f"raise Fault({kind!r}, {name!r})"

    def _attribute(self, name: str) -> str:
        if name not in self._raw:
            self._raw[name] = local = self._local(f"get({name!r})")
            self.lines.append(f"if {local} is None: {self._fail('missingAttribute', name)}")
            self.lines.append(f"if {local}.__class__ is bytes: {local} = text({local})")
        return self._raw[name]

    def _text(self, node: Node) -> str:
        """An atom that holds the node's value cast to String."""
        if isinstance(node, Literal):
            return repr(cesql_runtime.text(node.value))
        if isinstance(node, Attribute):
            return self._attribute_text(node.name)
        return self.atom(node) if kind_of(node) is str else self._local(f"text({self.atom(node)})")

    def _attribute_text(self, name: str) -> str:
        """The common case pays one look at the class: a String is neither missing nor in need of a cast."""
        if name not in self._texts:
            self._texts[name] = local = self._local(f"get({name!r})")
            self.lines.append(f"if {local}.__class__ is not str:")
            self.lines.append(f"    if {local} is None: {self._fail('missingAttribute', name)}")
            self.lines.append(f"    {local} = text({local})")
        return self._texts[name]

    def _cast(self, node: Node, kind: Kind | None) -> str:
        """An atom that holds the node's value cast to that type; None is any."""
        if kind is str:
            return self._text(node)
        if kind is bool:
            return self._local(self._truth(node))
        return self._integer(node) if kind else self.atom(node)

    def _integer(self, node: Node) -> str:
        return self.atom(node) if kind_of(node) is int else self._local(f"integer({self.atom(node)})")

    def _truth(self, node: Node) -> str:
        return self.code(node) if kind_of(node) is bool else f"boolean({self.atom(node)})"

    def _comparison(self, node: Comparison) -> str:
        kind = kind_of(node.right)
        if node.operator not in ("=", "!=") or kind is int:
            operator = "==" if node.operator == "=" else node.operator
            return f"{self._integer(node.left)} {operator} {self._integer(node.right)}"
        operator = "==" if node.operator == "=" else "!="
        if kind is str:
            return f"{self._text(node.left)} {operator} {self._text(node.right)}"
        if kind is bool:
            return f"({self._truth(node.left)}) {operator} ({self._truth(node.right)})"
        return self._negated(f"equal({self.atom(node.left)}, {self.atom(node.right)})", operator == "!=")

    def _negated(self, code: str, negated: bool) -> str:
        return f"not ({code})" if negated else code

    def _like(self, node: Like) -> str:
        subject = self._text(node.operand)
        code = cesql_pattern.code(node.pattern, subject)
        if code is None:
            code = f"{self._program.constant(cesql_pattern.matcher(node.pattern))}({subject})"
        return self._negated(code, node.negated)

    def _in(self, node: In) -> str:
        values = tuple(element.value for element in node.elements if isinstance(element, Literal))
        if len(values) < len(node.elements):
            return self._in_computed(node)
        value, kind = self.atom(node.operand), kind_of(node.operand)
        texts = ", ".join(repr(text) for text in dict.fromkeys(map(cesql_runtime.text, values)))
        among = f"{value} in {{{texts}}}"
        if kind is str:
            return among
        search = f"contains({value}, {self._program.constant(values)})"
        return search if kind else f"{among} if {value}.__class__ is str else {search}"

    def _in_computed(self, node: In) -> str:
        """Elements after the one that is equal must not be computed, as they might fail."""
        inner = _Routine(self._program)
        value = inner.atom(node.operand)
        for element in node.elements:
            inner.lines.append(f"if equal({inner.atom(element)}, {value}): return True")
        inner.finish("False")
        return self._program.define(inner)

    def _call(self, node: Call) -> str:
        function = find(node.name, len(node.arguments))
        if function is None:
            self.lines.append(self._fail("missingFunction", node.name))
            return "False"
        kinds = function.kinds(len(node.arguments))
        arguments = [self._cast(argument, kind) for argument, kind in zip(node.arguments, kinds, strict=True)]
        return f"{self._program.constant(function.run)}({', '.join(arguments)})"


def _tail_merged(node: Logic) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """The chain with a chain at its end made part of it: `a AND (b OR c)` is grouped from the right anyway."""
    operands, operators = node.operands, node.operators
    while isinstance(last := operands[-1], Logic):
        operands, operators = (*operands[:-1], *last.operands), (*operators, *last.operators)
    return operands, operators
