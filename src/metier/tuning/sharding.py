"""The frozen weights of the base in parts, one on each worker (FSDP: Zhao et al. 2023; torch's `fully_shard`).

layers              a part of every matrix on each worker; a layer is whole while it is at work, and the next one
embedding, head     whole on each worker: they are outside of the layers, and a tied head is the embedding
constants of NF4    whole on each worker: an eighth of a bit a weight
adapter             whole on each worker: its gradients are added up as without FSDP, and a checkpoint is the same
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from metier.core.settings import TuningSettings
from metier.tuning import plan
from metier.tuning.devices import devices
from metier.tuning.distributed import World
from metier.tuning.planning import recipe_of
from metier.tuning.shapes import shape_of

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from torch.distributed.device_mesh import DeviceMesh


def chosen(settings: TuningSettings, base: str, world: World, device: torch.device) -> Literal["none", "fsdp"]:
    """What `[tuning] sharding` means for these workers. "auto": GPUs that do not hold a whole copy share one, by the
    plan. `base`: a folder in the layout of transformers."""
    if settings.sharding != "auto":
        return settings.sharding
    if world.size == 1 or device.type != "cuda":
        return "none"
    recipe = recipe_of(settings, settings.method, checkpointing=settings.gradient_checkpointing)
    copy = plan.plan(shape_of(base), recipe, [devices()[device.index or 0]] * world.size, "none")
    return "none" if all(copy.fits) else "fsdp"


def mesh_of(world: World, device: torch.device) -> DeviceMesh:
    """All workers in a row; they make it together."""
    from torch.distributed.device_mesh import init_device_mesh

    return init_device_mesh(device.type, (world.size,))


def shard(model: PeftModel, mesh: DeviceMesh, device: torch.device) -> None:
    """Keep this worker's part of the frozen layers, and everything else whole, on `device`. The model may lie elsewhere
    before: of its layers one at a time is whole on `device`."""
    from torch.distributed.fsdp import fully_shard

    base: Any = model.get_base_model()  # a model of transformers, which PEFT does not say
    decoder = base.get_decoder()
    for layer in decoder.layers:
        fully_shard(layer, mesh=mesh, ignored_params={each for each in layer.parameters() if each.requires_grad})
    shared = {each for layer in decoder.layers for each in layer.parameters() if not each.requires_grad}
    # The root gathers nothing itself; it lets the next layer come while one is at work.
    fully_shard(decoder, mesh=mesh, ignored_params=set(decoder.parameters()) - shared)
    for module in model.modules():
        for number in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
            if number not in shared and number.device != device:
                number.data = number.data.to(device)
