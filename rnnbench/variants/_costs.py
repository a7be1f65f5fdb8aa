"""The costs of a deep recurrent network, from the costs of one layer. Formulas only: no torch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rnnbench.case import Case

PerLayer = Callable[[int, int], int]
"""(input features, hidden size) → a count, for one layer in one direction."""
Around = Callable[[int, int], int]
"""(input features, output features) → a count, for the operations around a layer, both directions together."""


def nothing(_inputs: int, _features: int) -> int:
    """The cost of no operation around the layer: 0."""
    return 0


@dataclass(frozen=True, slots=True)
class Costs:
    """`products` counts multiply-adds in matrix products per token; `state` counts the numbers that decoding keeps per sequence."""

    products: PerLayer
    parameters_of: PerLayer
    state: PerLayer
    products_around: Around = nothing
    parameters_around: Around = nothing

    def flops(self, case: Case) -> int:
        """FLOPs in the matrix products of a forward pass: two for each multiply-add."""
        return 2 * case.batch_size * case.seq_len * self._sum(case, self.products, self.products_around)

    def parameters(self, case: Case) -> int:
        """Trainable weights."""
        return self._sum(case, self.parameters_of, self.parameters_around)

    def state_size(self, case: Case) -> int:
        """Numbers that decoding keeps per sequence."""
        return self._sum(case, self.state, nothing)

    def around(self, products: Around, parameters: Around) -> "Costs":
        """These costs plus those of an operation around each layer."""
        return Costs(self.products, self.parameters_of, self.state, products, parameters)

    def _sum(self, case: Case, each: PerLayer, around: Around) -> int:
        ways = 2 if case.bidirectional else 1
        return sum(ways * each(inputs, case.hidden_size) + around(inputs, ways * case.hidden_size) for inputs in inputs_of(case))


def inputs_of(case: Case) -> Iterator[int]:
    """The input features of each layer, first to last."""
    yield case.input_size
    yield from [case.hidden_size * (2 if case.bidirectional else 1)] * (case.depth - 1)


def gated(gates: int, states: int) -> Costs:
    """Costs of torch's own networks: `gates` gates of W x + b + U h + c, and `states` state vectors."""
    return Costs(
        products=lambda inputs, hidden: gates * hidden * (inputs + hidden),
        parameters_of=lambda inputs, hidden: gates * hidden * (inputs + hidden + 2),
        state=lambda _, hidden: states * hidden,
    )


def same_or_projected(inputs: int, features: int) -> int:
    """Weights of a skip connection: 0 if the sizes agree, otherwise those of a projection."""
    return 0 if inputs == features else inputs * features


def heads_of(hidden: int) -> int:
    """The number of heads: the largest of 4, 2 and 1 that divides the hidden size."""
    return next(heads for heads in (4, 2, 1) if hidden % heads == 0)
