"""What one training run of the CNN depends on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Settings:
    """What one run depends on; a checkpoint is only taken up by a run that learns with the same ones."""

    epochs: int = 34
    batch_size: int = 128  # pictures a step
    learning_rate: float = 0.002  # at its highest, of Adam
    seed: int = 1
    held_back: int = 2500  # training images to choose temperature and doubt on
    averaged: int = 8  # last epochs whose weights are averaged
    drawn: float = 0.48  # share of pictures drawn anew with a pen
    foreign: float = 0.08  # share of pictures that are no digit
    doubted: float = 0.052  # share of held-back digits that may be marked unsure
    fast: bool = True  # whether convolutions compute in bfloat16

    def of_learning(self) -> dict[str, Any]:
        """The ones that the weights depend on: doubt can be fitted again to the same weights."""
        return {name: value for name, value in asdict(self).items() if name != "doubted"}
