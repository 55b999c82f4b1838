"""A change of one function, as mutmut writes it, and the lines of the source that it changes."""

import ast
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path

from mutmut.mutation.data import MutantLineSpans

from tests.mutants.reach import Reach

ORIGINAL = "__mutmut_orig"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One mutant; its number moves when the function grows, function and change do not."""

    name: str
    """mutmut's name, which switches it on."""
    file: str
    function: str
    change: str
    """The lines before and after, as ``- before`` and ``+ after``."""
    lines: Sequence[int]
    """The changed lines of the function's body; none where the signature is changed."""
    statement: Sequence[int]
    body: Sequence[int]
    digest: str
    """Of the whole function and the change: the same mutant of the same function."""

    def tests(self, reach: Reach) -> set[str]:
        """The tests that run what it changes; where no line of it is known to run, those of the function."""
        narrowest = (reach.of(self.file, lines) for lines in (self.lines, self.statement, self.body))
        return next((tests for tests in narrowest if tests), set())


class MutatedFile:
    """The mutants of one file, read beside its source."""

    def __init__(self, root: Path, file: str) -> None:
        """``root`` is the folder with the source; mutmut's own folder lies in it."""
        self._file = file
        self._module = file.removesuffix(".py").replace("/", ".")
        self._tree = ast.parse((root / file).read_text())
        spans = MutantLineSpans.load(file)
        assert spans is not None, f"mutmut wrote no mutants of {file}"
        text = (root / "mutants" / file).read_text().splitlines()
        self._functions = {
            name: _text_of(text[span.start - 1 : span.end], name)
            for name, span in spans.span_by_function_name.items()
        }

    def mutants(self) -> Iterator[Mutant]:
        """Every mutant, in the order of the file."""
        for name in self._functions:
            if not name.endswith(ORIGINAL):
                yield self._mutant(name)

    def _mutant(self, name: str) -> Mutant:
        mangled = name.rpartition("__mutmut_")[0]
        before, after = self._functions[mangled + ORIGINAL], self._functions[name]
        function = mangled.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
        node = self._nodes[function]
        first = node.lineno - next(number for number, line in enumerate(before) if _is_def(line))
        changes = [
            part
            for part in SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
            if part[0] != "equal"
        ]
        lines = [
            first + line for _, start, end, _, _ in changes for line in range(start, max(end, start + 1))
        ]
        body = range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1)
        # A signature runs once, when its module is imported: that says nothing of who calls the function.
        lines = [line for line in lines if line in body]
        change = _change(before, after, changes)
        # The place tells apart the same change of two equal lines.
        whole = "\n".join([self._file, function, *before, change, str(changes[0][1])])
        return Mutant(
            name=f"{self._module}.{name}",
            file=self._file,
            function=f"{self._module}.{function}",
            change=change,
            lines=lines,
            statement=[each for line in lines for each in _statement(node, line)],
            body=body,
            digest=hashlib.sha256(whole.encode()).hexdigest()[:16],
        )

    @cached_property
    def _nodes(self) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
        found: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
        for node in self._tree.body:
            inner = node.body if isinstance(node, ast.ClassDef) else [node]
            prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
            functions = (each for each in inner if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
            found |= {prefix + each.name: each for each in functions}
        return found


def _is_def(line: str) -> bool:
    return line.lstrip().startswith(("def ", "async def "))


def _text_of(lines: Sequence[str], name: str) -> list[str]:
    """The lines of a function under its own name."""
    return [re.sub(rf"\b{re.escape(name)}\b", "it", line) if _is_def(line) else line for line in lines]


def _change(
    before: Sequence[str], after: Sequence[str], parts: Sequence[tuple[str, int, int, int, int]]
) -> str:
    found = []
    for _, start, end, new_start, new_end in parts:
        found += [f"- {line.strip()}" for line in before[start:end]]
        found += [f"+ {line.strip()}" for line in after[new_start:new_end]]
    return "\n".join(found)


def _statement(function: ast.AST, line: int) -> range:
    """The lines of the smallest statement around a line; of one with a body, only those before the body."""
    smallest = range(line, line + 1)
    for node in ast.walk(function):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else (node.end_lineno or node.lineno)
            # Deeper statements come later in the walk.
            if line <= max(last, node.lineno):
                smallest = range(node.lineno, max(last, node.lineno) + 1)
    return smallest
