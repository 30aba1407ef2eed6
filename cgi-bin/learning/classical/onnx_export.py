"""The scikit-learn models as ONNX, which is served without scikit-learn.

skl2onnx converts what scikit-learn fitted; the steps of our own are written out as nodes around it. The exported
model takes "picture", float32 (n, 784) in 0..1, already deskewed, and gives "probabilities", float32 (n, 10). Before
these it gives what they come from: a forest its trees' "votes", a vote the probabilities of each part, by its name.
"""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType

from learning.classical.calibrated import FLOOR, PAIRS, TINY, Calibrated, Vote
from reading.gradients import DIRECTIONS, SIDE, STRIDE, WINDOW

if TYPE_CHECKING:
    from reading.arrays import Float


OPSET = {"": 17, "ai.onnx.ml": 3}
# Of each node of a tree, these say nothing that ONNX Runtime doesn't assume by itself.
IDLE = {"nodes_hitrates", "nodes_missing_value_tracks_true"}
# Side by side they say that a leaf of a tree gives a class so much weight.
VOTES = {"class_treeids", "class_nodeids", "class_ids", "class_weights"}


def export(pipeline: Any) -> bytes:
    """Return the ONNX file of a fitted pipeline of deskew, gradients and a Calibrated or Vote model."""
    logging.getLogger("skl2onnx").setLevel(logging.ERROR)
    graph = Graph()
    features = _gradients(graph, "picture")
    model = pipeline[-1]
    scores = _vote(graph, model, features) if isinstance(model, Vote) else _calibrated(graph, model, features, "votes")
    graph.tell("probabilities", scores)
    return graph.to_bytes()


class Graph:
    """An ONNX graph that grows node by node; a value is called by its name."""

    def __init__(self) -> None:
        """Start with nothing but the name of the entry."""
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.exits: list[str] = []

    def tell(self, name: str, value: str) -> None:
        """Give a value away, float32 (n, 10), under a name."""
        self.exits.append(self.add("Identity", value, exit_=name))

    def add(self, kind: str, *entries: str | Float, exit_: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its result; an entry that is an array becomes a constant."""
        exit_ = exit_ or f"{kind.lower()}_{len(self.nodes)}"
        names = [entry if isinstance(entry, str) else self._constant(entry) for entry in entries]
        self.nodes.append(helper.make_node(kind, names, [exit_], **attributes))
        return exit_

    def _constant(self, value: Float) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def add_model(self, estimator: Any, features: str) -> str:
        """Add what skl2onnx makes of a fitted estimator; return the name of its raw scores or probabilities."""
        last = estimator[-1] if hasattr(estimator, "steps") else estimator
        options = {"zipmap": False} | ({} if hasattr(last, "estimators_") else {"raw_scores": True})
        entry = [("features", FloatTensorType([None, estimator.n_features_in_]))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # skl2onnx looks at what scikit-learn 1.9 deprecates
            model = convert_sklearn(estimator, "model", entry, options={id(last): options}, target_opset=OPSET)
        graph = compose.add_prefix(model, f"model_{len(self.nodes)}_").graph
        self.add("Identity", features, exit_=graph.input[0].name)
        self.nodes.extend(_lean(node) for node in graph.node)
        self.constants.extend(graph.initializer)
        name: str = graph.output[1].name
        return name

    def to_bytes(self) -> bytes:
        """Return the checked file."""
        entry = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", SIDE * SIDE])
        exits = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 10]) for name in self.exits]
        graph = helper.make_graph(self.nodes, "digits", [entry], exits, self.constants)
        versions = [helper.make_opsetid(domain, version) for domain, version in OPSET.items()]
        model = helper.make_model(graph, opset_imports=versions, ir_version=8)
        onnx.checker.check_model(model)
        data: bytes = model.SerializeToString()
        return data


def _lean(node: onnx.NodeProto) -> onnx.NodeProto:
    """Return a node without what ONNX Runtime does not need; its scores stay the same to the last bit."""
    kept = [attribute for attribute in node.attribute if attribute.name not in IDLE]
    del node.attribute[:]
    node.attribute.extend(kept)
    if node.op_type == "TreeEnsembleClassifier":
        _drop_zero_weights(node)
    return node


def _drop_zero_weights(node: onnx.NodeProto) -> None:
    """Keep of each leaf only the classes that it votes for: skl2onnx writes all ten, most with a weight of 0.

    Half of the file, and more than half of the memory that ONNX Runtime takes for it.
    """
    votes = {attribute.name: attribute for attribute in node.attribute if attribute.name in VOTES}
    kept = np.flatnonzero(votes["class_weights"].floats)
    for attribute in votes.values():
        values = attribute.floats if attribute.floats else attribute.ints
        chosen = np.array(values)[kept].tolist()
        del values[:]
        values.extend(chosen)


def _gradients(graph: Graph, picture: str) -> str:
    """Add what `features.Gradients` does, in whole numbers until the last division, as it does."""
    square = graph.add("Reshape", picture, np.array([-1, 1, SIDE, SIDE]))
    pixels = graph.add("Round", graph.add("Mul", square, np.array([255], np.float32)))
    edges = graph.add("Relu", graph.add("Conv", pixels, _filters(), pads=[1, 1, 1, 1]))
    window = np.ones((len(DIRECTIONS), 1, WINDOW, WINDOW), np.float32)
    sums = graph.add("Conv", edges, window, group=len(DIRECTIONS), strides=[STRIDE, STRIDE])
    return graph.add("Flatten", graph.add("Div", sums, np.array([255 * WINDOW**2], np.float32)))


def _filters() -> Float:
    """Return float32 (8, 1, 3, 3): a neighbour less the opposite one."""
    filters = np.zeros((len(DIRECTIONS), 1, 3, 3), np.float32)
    for number, (row, column) in enumerate(DIRECTIONS.values()):
        filters[number, 0, 1 + row, 1 + column] = 1
        filters[number, 0, 1 - row, 1 - column] = -1
    return filters


def _calibrated(graph: Graph, model: Calibrated, features: str, votes: str = "") -> str:
    """Add a calibrated model; a forest's votes are told under the name `votes`, if there is one."""
    raw = graph.add_model(model.estimator_, features)
    if not hasattr(model.estimator_, "decision_function"):
        if votes:
            graph.tell(votes, raw)
        raw = graph.add("Log", graph.add("Add", raw, np.array([FLOOR], np.float32)))
    return _probabilities(graph, raw, model.scale_)


def _probabilities(graph: Graph, raw: str, scale: Float) -> str:
    """Add what `calibrated._evidence` does, and the softmax over it."""
    if len(scale) == 2:
        pairs = graph.add("Mul", raw, np.float32(scale[1:]))
        # The logarithm of the logistic function of x is -softplus(-x).
        lost_by_first = graph.add("Softplus", graph.add("Neg", pairs))
        lost_by_second = graph.add("Softplus", pairs)
        first, second = (np.float32(np.arange(10) == PAIRS[each][:, None]) for each in (0, 1))
        first, second = graph.add("MatMul", lost_by_first, first), graph.add("MatMul", lost_by_second, second)
        raw = graph.add("Neg", graph.add("Add", first, second))
    return graph.add("Softmax", graph.add("Mul", raw, np.float32(scale[:1])), axis=1)


def _vote(graph: Graph, model: Vote, features: str) -> str:
    scores = [_calibrated(graph, part, features) for part in model.parts_]
    for (name, _), value in zip(model.parts or [], scores, strict=True):
        graph.tell(name, value)
    weighted = [
        graph.add("Mul", value, np.array([weight], np.float32))
        for value, weight in zip(scores, model.weights_, strict=True)
    ]
    mean = graph.add("Sum", *weighted, np.array([TINY], np.float32))
    return _probabilities(graph, graph.add("Log", mean), model.scale_)
