"""The papers whose tables can be made again: adding one is a module and a line here.

Imports nothing heavy: the command line shows the names.
"""

from propago.components import Component

PAPERS: dict[str, Component] = {
    "seg-with-spn": Component(
        "propago.jobs.reproduce.seg_with_spn:SegWithSpnTables", "Cheng et al. 2017"
    ),
}
