"""From data to models; `train.py` and `fetch.py` are its command lines.

`data` finds, downloads and checks MNIST and pen strokes; `augment` makes new pictures of them each epoch; `cnn` trains
the CNN and teaches it a person's drawings; `classical` trains the scikit-learn models. What they share: `publishing`
replaces a model, whole or not at all; `replacing` any other file; `report`, `plots` and `figures` say how good one is;
`arguments` checks the numbers of a command line, `signals` answers Ctrl-C, `errors` names what can go wrong.

May import `reading` (what is served is what is checked), `model.py` with TensorFlow and TFLearn behind it, and the
training packages of requirements.txt: scikit-learn, scipy, scikit-image, matplotlib, h5py, pooch, ONNX. Never
`serving`, which neither needs nor loads any of this.
"""
