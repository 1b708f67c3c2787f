"""The linter: every fault of a set of Gin statements, each with its place and a way to mend it.

Gin itself checks no types, says nothing of unused scopes or of what is bound twice, and stops at
the first thing it does refuse.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from mu2.config.linter.faults import in_order
from mu2.config.linter.graph import Graph, Node, covers
from mu2.config.linter.macros import DEEPEST, MOST_VALUES, expand_macros, large_macros
from mu2.config.linter.parts import set_by_two_parts
from mu2.config.linter.syntax import MACRO, Binding, Reference, Statements, references, text_of
from mu2.config.linter.trial import BROKEN, HOLDERS, Trial
from mu2.config.linter.values import SCALAR, Mismatch, makers, mismatch
from mu2.config.linter.vocabulary import Vocabulary
from mu2.errors import Mu2Error, did_you_mean, nearest

ROOT: Node = ("", "Experiment")
REQUIRED = {"REQUIRED", "gin.REQUIRED"}


@dataclasses.dataclass(frozen=True)
class LintResult:
    """What a set of statements comes to.

    Attributes:
      faults: in the order of the files.
      warnings: parameters that two parts set, so that the order of includes decides.
      used: the bindings in force that the experiment uses.
      trial: the objects that could be made, whatever the faults.
    """

    faults: tuple[Mu2Error, ...]
    warnings: tuple[Mu2Error, ...]
    used: Graph
    trial: Trial


def lint(statements: Statements, vocabulary: Vocabulary, root: Node = ROOT) -> LintResult:
    """Finds all faults of what a root is made from."""
    linter = _Linter(statements, vocabulary, root)
    linter.run()
    used = Graph(linter.graph.used({root, *linter.nodes}))
    warnings = in_order(set_by_two_parts(statements.bindings), linter.locations())
    return LintResult(tuple(linter.sorted_faults()), tuple(warnings), used, linter.trial)


class _Linter:
    def __init__(self, statements: Statements, vocabulary: Vocabulary, root: Node):
        self.statements = statements
        self.root = root
        self.vocabulary = vocabulary
        self.configurables = vocabulary.configurables
        self.hyperparameters = {**vocabulary.hyperparameters, **vocabulary.model_hyperparameters}
        self.faults: list[Mu2Error] = list(statements.faults)
        self.every = Graph(statements.bindings)
        self.graph = self.every.last()
        self.nodes = self.graph.reach([root])
        self.macros = {b.scope for b in statements.bindings if b.selector == MACRO}
        self.broken: set[tuple[str, str, str]] = set()  # keys of bindings with a fault
        self.meant: set[tuple[str, str]] = set()  # (selector, parameter) that a typo meant
        self.trial = Trial(self.graph, self.configurables, self.broken, statements.first)

    def run(self) -> None:
        for macro in large_macros(self.graph):
            self.broken.add(macro.key)
            self._fault(
                f"the macro {macro} stands for more than {MOST_VALUES:,} values, or for macros "
                f"more than {DEEPEST} deep.",
                macro.location,
                "Write what it stands for.",
            )
        for binding in self.statements.bindings:
            self._names(binding)
            self._references(binding)
            self._type(binding)
        self._bound_twice()
        self._circles()
        if self.statements.faults:
            return  # what could not be read may be all that the rest misses
        self._scopes()
        self._unused_macros()
        self._nothing_to_run()
        self._hyperparameter_names()
        self._never_set()
        # What a typo meant to change is not tried as it is without.
        self.broken.update((*node, p) for node in self.nodes for s, p in self.meant if s == node[1])
        for node in (self.root, *self.nodes):
            self.trial.make(node)
        self.faults.extend(self.trial.faults)

    def sorted_faults(self) -> list[Mu2Error]:
        """Each fault once, file by file in the order of reading, by line."""
        return in_order(self.faults, self.locations())

    def locations(self) -> list[str | None]:
        """All places, in the order of reading."""
        return [self.statements.first, *(b.location for b in self.statements.bindings)]

    def _fault(self, message: str, location: str | None, hint: str | None = None) -> None:
        self.faults.append(Mu2Error(message, location=location, hint=hint))

    # Each binding by itself

    def _names(self, binding: Binding) -> None:
        if binding.selector == MACRO:
            return
        configurable = self.configurables.get(binding.selector)
        if configurable is None:
            self.broken.add(binding.key)
            close = nearest(binding.selector, self.configurables)
            if close:
                parameters = self.configurables[close].parameters
                meant = nearest(binding.parameter, parameters) or binding.parameter
                self.meant.add((close, meant))
            self._fault(
                f"there is no configurable {binding.selector!r}.",
                binding.head,
                did_you_mean(binding.selector, self.configurables),
            )
        elif not configurable.open and binding.parameter not in configurable.parameters:
            self.broken.add(binding.key)
            close = nearest(binding.parameter, configurable.parameters)
            if close:
                self.meant.add((binding.selector, close))
            self._fault(
                f"{binding.selector} has no parameter {binding.parameter!r}.",
                binding.location,
                did_you_mean(binding.parameter, configurable.parameters) or "It has none.",
            )

    def _references(self, binding: Binding) -> None:
        for reference in references(binding.value):
            if reference.name == MACRO:
                if reference.scope not in self.macros | REQUIRED:
                    self.broken.add(binding.key)
                    self._fault(
                        f"{reference} is no macro.",
                        reference.location,
                        did_you_mean(reference.scope, self.macros)
                        or f"Set it first: {reference.scope} = VALUE.",
                    )
            elif reference.name not in self.configurables:
                self.broken.add(binding.key)
                self._fault(
                    f"{reference}: there is no configurable {reference.name!r}.",
                    reference.location,
                    did_you_mean(reference.name, self.configurables),
                )

    def _annotation(self, selector: str, parameter: str) -> Any:
        configurable = self.configurables.get(selector)
        if configurable is None:
            return Any
        if parameter in configurable.parameters:
            return configurable.parameters[parameter].annotation
        if selector not in HOLDERS:
            return Any
        scalar = self.hyperparameters.get(parameter, SCALAR)
        return tuple[scalar, ...] if HOLDERS[selector] else scalar  # type: ignore[valid-type]

    def _type(self, binding: Binding) -> None:
        value, through = binding.value, ""
        if isinstance(value, Reference) and value.name == MACRO:
            through = f" = {value}"
        value = expand_macros(value, self.graph, self.broken)
        annotation = self._annotation(binding.selector, binding.parameter)
        for found in self._mismatches(binding, value, annotation):
            self.broken.add(binding.key)
            location = binding.location
            if isinstance(found.value, Reference) and found.value.location and not through:
                location = found.value.location
            self._fault(
                f"{binding.name}{through}: {text_of(found.value)} is not {found.expected}.",
                location,
                found.hint,
            )

    def _mismatches(self, binding: Binding, value: Any, annotation: Any) -> Iterator[Mismatch]:
        """What does not fit: the first part of a value, and every value of a range."""
        alone = [value]
        if HOLDERS.get(binding.selector) and isinstance(value, list | tuple):
            alone = [(item,) for item in value]
        for each in alone:
            if (found := mismatch(each, annotation, self.configurables)) is not None:
                yield found

    # All bindings together

    def _bound_twice(self) -> None:
        first: dict[tuple[str, tuple[str, str, str]], Binding] = {}
        for binding in self.statements.bindings:
            earlier = first.setdefault((binding.source, binding.key), binding)
            if earlier is binding or earlier.location == binding.location:
                continue  # the same line again: its file is included twice
            place = earlier.location.rpartition(":")[2] if binding.source else earlier.location
            where = f"in line {place}" if binding.source else f"by {place}"
            self._fault(
                f"{binding} is set twice: {where} as well; the later one, "
                f"{text_of(binding.value)}, wins.",
                binding.location,
                "Keep one of them.",
            )

    def _circles(self) -> None:
        for reference in self.graph.circles():
            self._fault(
                f"{reference} refers to itself, directly or through others.",
                reference.location,
                "Break the circle.",
            )

    def _scopes(self) -> None:
        """Scopes that are bound and not referred to, or referred to and not bound."""
        bound = {b.scope for b in self.statements.bindings if b.scope and b.selector != MACRO}
        reached = self.every.reach({(b.scope, b.selector) for b in self.statements.bindings})
        reached.setdefault(self.root, Reference(*self.root, called=True))
        used = {id(binding) for binding in self.every.used(reached)}
        unused = [
            b
            for b in self.statements.bindings
            if id(b) not in used and b.selector in self.configurables
        ]
        idle = {b.scope for b in unused if b.scope}
        for binding in self.statements.bindings:
            for reference in references(binding.value):
                if reference.name == MACRO or not reference.scope:
                    continue
                if any(covers(s, reference.scope) or covers(reference.scope, s) for s in bound):
                    continue
                self.broken.add(binding.key)
                close = nearest(reference.scope, idle) or nearest(reference.scope, bound)
                if close in idle:
                    unused = [b for b in unused if not covers(close, b.scope)]
                referred = self.configurables.get(reference.name)
                names = referred.parameters if referred else ()
                self.meant.update((reference.name, name) for name in names)
                self._fault(
                    f"{reference}: nothing is set in the scope {reference.scope!r}.",
                    reference.location,
                    f"Did you mean {close!r}?"
                    if close
                    else f"Set {reference.scope}/{reference.name}.PARAMETER, "
                    f"or write @{reference.name}().",
                )
        self._unused(unused, reached)

    def _unused(self, unused: list[Binding], reached: Mapping[Node, Reference]) -> None:
        unknown = {r.name for b in self.statements.bindings for r in references(b.value)}
        unknown -= {MACRO, *self.configurables}
        told: set[tuple[str, str]] = set()
        scopes = {scope for scope, _ in reached if scope}
        for binding in unused:
            self.broken.add(binding.key)
            self.meant.add((binding.selector, binding.parameter))
            misspelt = binding.scope != "" and binding.scope not in scopes
            subject = (binding.scope, "" if misspelt else binding.selector)
            if subject in told or any(nearest(name, [binding.selector]) for name in unknown):
                continue
            told.add(subject)
            if misspelt:
                same = {s for s, selector in reached if s and selector == binding.selector}
                close = nearest(binding.scope, same) or nearest(binding.scope, scopes)
                self._fault(
                    f"the scope {binding.scope!r} of {binding} is unused: nothing refers to it.",
                    binding.head,
                    f"Did you mean {close!r}?"
                    if close
                    else f"Refer to it as @{binding.scope}/{binding.selector}(), or remove it.",
                )
            else:
                reference = Reference(binding.scope, binding.selector, called=True)
                self._fault(
                    f"{binding} is set, but nothing refers to {reference}.",
                    binding.head,
                    self._how_to_refer(reference),
                )

    def _how_to_refer(self, reference: Reference) -> str:
        for configurable in self.configurables.values():
            for parameter in configurable.parameters.values():
                if reference.name in makers(parameter.annotation, self.configurables):
                    place = f"{configurable.name}.{parameter.name}"
                    return f"Refer to it, as in {place} = {reference}, or remove it."
        return "Refer to it, or remove it."

    def _unused_macros(self) -> None:
        named = {
            r.scope
            for b in self.statements.bindings
            for r in references(b.value)
            if r.name == MACRO
        }
        known = [f"{c.name}.{name}" for c in self.configurables.values() for name in c.parameters]
        known += [f"Hyperparameters.{name}" for name in self.hyperparameters]
        for binding in self.statements.bindings:
            if binding.selector != MACRO or any(covers(binding.scope, n) for n in named):
                continue
            if any(nearest(r, [binding.scope]) for r in named - self.macros):
                continue
            scope, _, name = binding.scope.rpartition("/")
            meant = [k for k in known if k.partition(".")[2] == name]
            meant = meant or [k for k in [nearest(name, named), nearest(name, known)] if k][:1]
            self.meant.update((k.partition(".")[0], k.partition(".")[2]) for k in meant)
            scope = f"{scope}/" if scope else ""
            self._fault(
                f"the macro {binding.scope!r} is used nowhere.",
                binding.location,
                f"Did you mean {' or '.join(scope + k for k in meant)}?"
                if meant
                else f"Use it as %{binding.scope}, or remove it.",
            )

    def _nothing_to_run(self) -> None:
        if self.every.in_force(self.root):
            return
        self.broken.add((*ROOT, "stream"))
        if any(selector == ROOT[1] for selector, _ in self.meant):
            return
        self._fault(
            "nothing sets an Experiment.",
            self.statements.first,
            "A run sets Experiment.stream and Experiment.space, or includes files that do; "
            "gin/quickstart.gin is one.",
        )

    def _never_set(self) -> None:
        if not self.graph.in_force(self.root):
            return
        for node in (self.root, *self.nodes):
            configurable = self.configurables.get(node[1])
            if configurable is None:
                continue
            values = self.graph.in_force(node)
            for parameter in configurable.parameters.values():
                bound = values.get(parameter.name)
                missing = bound is None and parameter.required
                if bound is not None and isinstance(bound.value, Reference):
                    missing = bound.value.name == MACRO and bound.value.scope in REQUIRED
                if not missing:
                    continue
                self.broken.add((*node, parameter.name))
                if (node[1], parameter.name) in self.meant:
                    continue
                scope = f"{node[0]}/" if node[0] else ""
                name = f"{scope}{configurable.name}.{parameter.name}"
                made = makers(parameter.annotation, self.configurables)
                value = " or ".join(f"@{scope}{maker}()" for maker in made) or "VALUE"
                self._fault(
                    f"{name} is never set.",
                    bound.location if bound else self._place_of(node),
                    f"Set {name} = {value}, or include a file that does.",
                )

    def _place_of(self, node: Node) -> str | None:
        reference = self.nodes.get(node)
        return reference.location if reference else self.statements.first

    def _hyperparameter_names(self) -> None:
        """Names in Hyperparameters, Ranges and Choices that neither training nor the model has."""
        declared: set[str] = set()
        for node in self.nodes:
            configurable = self.configurables.get(node[1])
            if configurable and hasattr(configurable.result, "hyperparameter_names"):
                model = self.trial.make(node)
                declared.update(() if model is BROKEN else model.hyperparameter_names())
        if not declared:
            return
        known = {*self.vocabulary.hyperparameters, *declared}
        # A method may set what only other spaces have; it composes with this one all the same.
        sound = {*known, *self.vocabulary.model_hyperparameters}
        for binding in self.statements.bindings:
            if binding.selector in HOLDERS and binding.parameter not in sound:
                self.broken.add(binding.key)
                if (close := nearest(binding.parameter, known)) is not None:
                    self.meant.add(("Hyperparameters", close))
                self._fault(
                    f"there is no hyperparameter {binding.parameter!r}.",
                    binding.location,
                    did_you_mean(binding.parameter, known),
                )
        for node in self.nodes:
            if node[1] != "Hyperparameters":
                continue
            unset = sorted(known - self.vocabulary.optional - set(self.graph.in_force(node)))
            unset = [name for name in unset if ("Hyperparameters", name) not in self.meant]
            if unset:
                self.broken.update((*node, name) for name in unset)
                self._fault(
                    f"hyperparameters without a default: {', '.join(unset)}.",
                    self._place_of(node),
                    f"Set Hyperparameters.{unset[0]} = VALUE; gin/optimizer/sgd_large.gin sets "
                    "those of SGD, gin/augmentation/crops.gin and gin/mutation/mu2net.gin others.",
                )
