"""The training of the scikit-learn models.

`run` is one training run, with the `options` of the command line, on `pictures`, after a grid `search` if one is asked
for. `estimators` puts each model together from `features` and what is `calibrated`; `card` describes it, `onnx_export`
writes it as what is served.
"""
