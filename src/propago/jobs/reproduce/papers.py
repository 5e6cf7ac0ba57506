"""The papers whose tables can be made again: adding one is a module and a line here.

Imports nothing heavy: the command line shows the names.
"""

from propago.components import Component

PAPERS: dict[str, Component] = {
    "seg-with-spn": Component(
        "propago.jobs.reproduce.seg_with_spn:SegWithSpnTables", "Cheng et al. 2017"
    ),
    "mask-rcnn": Component("propago.jobs.reproduce.mask_rcnn:MaskRcnnTables", "He et al. 2017"),
    "masktrack-rcnn": Component(
        "propago.jobs.reproduce.masktrack_rcnn:MaskTrackTables", "Yang et al. 2019"
    ),
    "bridging": Component("propago.jobs.reproduce.bridging:BridgingTables", "Wu et al. 2016"),
}
