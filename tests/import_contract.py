"""A contract type for import-linter: only modules whose names match a pattern may import certain packages.

import-linter's own `forbidden` contract cannot say "everybody but `service.engine.vllm*`", for its wildcards stand
for whole components of a name.
"""

from fnmatch import fnmatchcase

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyFromContract(Contract):
    """`modules` are imported by `importers` alone. Both are lists of fnmatch patterns; direct imports count."""

    type_name = "only_from"

    modules = fields.SetField(subfield=fields.StringField())
    importers = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at every import of a guarded module, wherever in a file it stands."""
        offences = sorted(
            (importer, module)
            for module in graph.modules
            if _matches(module, self.modules)
            for importer in graph.find_modules_that_directly_import(module)
            if not _matches(importer, self.importers) and not _matches(importer, self.modules)
        )
        return ContractCheck(kept=not offences, metadata={"offences": offences})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line for each import that breaks the contract."""
        for importer, module in check.metadata["offences"]:
            output.print_error(f"{importer} must not import {module}; only {', '.join(sorted(self.importers))} may.")


def _matches(module: str, patterns: set[str]) -> bool:
    return any(fnmatchcase(module, pattern) for pattern in patterns)
