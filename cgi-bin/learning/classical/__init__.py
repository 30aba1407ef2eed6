"""The training of the scikit-learn models.

`run` is one training run, with the `options` of the command line, on `pictures`, after a grid `search` if one is asked
for. `estimators` puts each model together from `features` and what is `calibrated`; `card` describes it, `onnx_export`
writes the ONNX file that is served.

May import scikit-learn, scipy and the ONNX packages, `learning.data`, `learning.augment`, what `learning` shares, and
`reading`, whose deskewing is a step of each model. Nothing of `learning.cnn`, and no TensorFlow.
"""
