"""A spatial propagation network that changes what it sees, though it never learnt anything."""

import torch

from propago.nn.weights import save_weights
from propago.refinement.spn.net import PRESETS, SpnNet


def write_random_spn(folder):
    """Its weights file in `folder`."""
    torch.manual_seed(0)
    net = SpnNet()
    torch.nn.init.normal_(net.guidance.gates.weight, std=2.0)
    path = folder / "random.safetensors"
    save_weights(
        path, net.state_dict(), {"network": PRESETS["compact"].network, "licence": "Apache-2.0"}
    )
    return path
