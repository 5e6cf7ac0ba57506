"""The papers whose tables can be made again: adding one is a module and a line here.

Imports nothing heavy: the command line shows the names.
"""

from propago.components import Component

PAPERS: dict[str, Component] = {
    "seg-with-spn": Component("propago.papers.seg_with_spn:SegWithSpnTables", "Cheng et al. 2017"),
    "rgmp": Component("propago.papers.rgmp:RgmpTables", "Oh et al. 2018"),
    "maskrnn": Component("propago.papers.maskrnn:MaskRnnTables", "Hu et al. 2017"),
    "rgsn": Component("propago.papers.rgsn:RgsnTables", "speeding_zZ 2018"),
    "feelvos": Component("propago.papers.feelvos:FeelvosTables", "Voigtlaender et al. 2019"),
    "zoo": Component("propago.papers.zoo:ZooTables", "all methods, all stages"),
    "mask-rcnn": Component("propago.papers.mask_rcnn:MaskRcnnTables", "He et al. 2017"),
    "masktrack-rcnn": Component(
        "propago.papers.masktrack_rcnn:MaskTrackTables", "Yang et al. 2019"
    ),
    "bridging": Component("propago.papers.bridging:BridgingTables", "Wu et al. 2016"),
}
