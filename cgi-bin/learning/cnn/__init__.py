"""The training of the CNN that `model.py` defines, and of the trajectory network beside it.

`run` is one training run with its `settings`: `epochs` learns with the graph of `training`, from pictures that
`variety` prepares in another process, and leaves a `checkpoint` each time; `calibration` fits temperature and doubt;
`card` describes the network and `export` writes its files, with the `weights` that numpy can read. `teach` goes on from
a trained network with the `drawings` of a CSV file. `trajectory` trains the network that reads the way of the pen, by
`fitting`, which does so with small ones.

May import `model.py` (TensorFlow and TFLearn), `learning.augment`, `learning.data`, what `learning` shares, and
`reading`, which checks the exported network. Nothing of `learning.classical`.
"""
