"""What one training run of the CNN depends on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

# For who has no time, and for the model that is shipped. In few epochs bolder steps and less dropout bring more, and
# fewer drawings, of MNIST's digits and of the pen's, leave time to see MNIST's own images twice.
QUICK: dict[str, Any] = {"epochs": 2, "learning_rate": 0.004, "dropout": 0.2, "drawn": 0.35, "drawings": 2}
LONG: dict[str, Any] = {"epochs": 18}


@dataclass(frozen=True)
class Settings:
    """What one run depends on; a checkpoint is only taken up by a run that learns with the same ones."""

    epochs: int = 6
    batch_size: int = 128  # pictures a step
    learning_rate: float = 0.002  # at its highest, of Adam; that of the kernels is in proportion (muon.py)
    dropout: float = 0.4  # share of the last features that is dropped while learning
    seed: int = 1
    held_back: int = 2500  # training images to choose temperature and doubt on
    averaged: float = 0.25  # share of the epochs, the last ones, whose weights are averaged
    drawn: float = 0.4  # share of MNIST's images drawn anew with a pen
    foreign: float = 0.08  # share of pictures that are no digit
    drawings: int = 4  # times an epoch that each pen digit is drawn: MNIST has four times as many digits
    doubted: float = 0.018  # share of held-back digits that may be marked unsure
    refined: bool = False  # whether the run began with the weights of another one
    fast: bool = True  # whether convolutions compute in bfloat16

    @property
    def last(self) -> int:
        """How many of the last epochs' weights are averaged."""
        return max(1, round(self.averaged * self.epochs))

    def of_learning(self) -> dict[str, Any]:
        """The ones that the weights depend on: doubt can be fitted again to the same weights."""
        return {name: value for name, value in asdict(self).items() if name != "doubted"}
