"""Muon: what the CNN learns by. In as many steps, its convolutions read more of what is held back than by Adam.

Each step of a kernel is its gradient's running mean made orthogonal: all directions in which the outputs of a layer
may change are changed as much, the seldom ones, too (Jordan et al., "Muon: An optimizer for hidden layers in neural
networks", 2024). What is no kernel of a convolution learns by Adam (Kingma and Ba, 2015).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MOMENTUM = 0.95  # of the gradients' running mean, with Nesterov's look ahead
FASTER = 5  # times Adam's rate is that of the kernels, as each kernel is as long as the root of its outputs
# The quintic iteration that takes singular values to about 1, and how often; both are Jordan's.
QUINTIC, ITERATIONS = (3.4445, -4.7750, 2.0315), 5
MEMORY = "muon"  # names of the variables that have the running means begin so


def optimizer(rate: Any, normalised: bool) -> Any:
    """An optimiser of TensorFlow, with a scalar tensor as Adam's rate.

    Batch normalisation takes away how long a kernel is; so each keeps about the length with which it begins. Where the
    kernels are not `normalised`, their length counts, and they learn by Adam as all else.
    """
    import tensorflow.compat.v1 as tf

    class Muon(tf.train.AdamOptimizer):  # type: ignore[misc]  # TensorFlow has no types
        """Orthogonal steps for kernels, and Adam's for all else."""

        def apply_gradients(
            self, grads_and_vars: Iterable[tuple[Any, Any]], global_step: Any = None, name: str | None = None
        ) -> Any:
            """The operation that takes one step."""
            gradients, variables = zip(*grads_and_vars, strict=True)
            # a kernel must not be moved before all gradients that depend on it are there
            each = zip(tf.tuple(list(gradients)), variables, strict=True)
            parts: dict[bool, list[tuple[Any, Any]]] = {True: [], False: []}
            for gradient, variable in each:
                parts[normalised and len(variable.shape) == 4].append((gradient, variable))
            with tf.control_dependencies([_moved(tf, *kernel, FASTER * rate) for kernel in parts[True]]):
                return super().apply_gradients(parts[False], global_step, name)

    return Muon(rate, epsilon=1e-7)


def _moved(tf: Any, gradient: Any, kernel: Any, rate: Any) -> Any:
    """The operation that moves a kernel (height, width, inputs, outputs) by one step."""
    outputs = int(kernel.shape[-1])
    memory = tf.Variable(tf.zeros(kernel.shape), trainable=False, name=f"{MEMORY}/{kernel.op.name}")
    mean = MOMENTUM * memory + gradient
    with tf.control_dependencies([memory.assign(mean)]):
        step = orthogonal(tf, tf.reshape(gradient + MOMENTUM * mean, [-1, outputs]))
        there = kernel - rate * tf.reshape(step, kernel.shape)
        return kernel.assign(there * (outputs**0.5 / tf.norm(there)))


def orthogonal(tf: Any, matrix: Any) -> Any:
    """The matrix, a tensor float32 (m, n), with singular values of about 1 (0.7 to 1.2) instead of its own."""
    is_tall = matrix.shape[0] > matrix.shape[1]
    made = matrix / (tf.norm(matrix) + 1e-7)
    for _ in range(ITERATIONS):
        square = tf.matmul(made, made, transpose_a=is_tall, transpose_b=not is_tall)  # the smaller one of the two
        change = QUINTIC[1] * square + QUINTIC[2] * tf.matmul(square, square)
        made = QUINTIC[0] * made + (tf.matmul(made, change) if is_tall else tf.matmul(change, made))
    return made
