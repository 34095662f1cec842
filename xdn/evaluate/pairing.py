"""Which net goes with which data."""

from pathlib import Path

from xdn import settings
from xdn.data import DATASETS, Dataset
from xdn.data.dataset import trained_for
from xdn.errors import DataError
from xdn.graph import Net

#: The data sets for which a trained net ships, and the net's place in the shipped folder.
SHIPPED_PAIRS = {
    "cifar10": "resnet20_cifar10/resnet20.prototxt",
    "glyphs10": "resnet20_glyphs10/resnet20.prototxt",
}


def shipped_net(dataset: str) -> Path:
    """Return the prototxt of the shipped net that was trained for a data set; its weights lie beside it."""
    if dataset not in SHIPPED_PAIRS:
        raise DataError(
            f"no net that ships was trained for {dataset!r}",
            mend=f"Name a PROTOTXT, or use {' or '.join(SHIPPED_PAIRS)}",
        )
    return settings.shipped_dir() / SHIPPED_PAIRS[dataset]


def check_pair(net: Net, data: Dataset) -> None:
    """Raise DataError where the net was trained for other data.

    That is another data set than its input names, or the same one with its channels in another order.
    """
    wanted = trained_for(net)
    force = "To run it nevertheless, say --force"
    if wanted is not None and wanted != data.name:
        raise DataError(f"the net was trained for {DATASETS[wanted].title}, the data is {data.title}", mend=force)
    if wanted is not None and DATASETS[wanted].channel_order != data.channel_order:
        orders = f"{DATASETS[wanted].channel_order}, the data's are {data.channel_order}"
        raise DataError(f"the net was trained on channels in the order {orders}", mend=force)
